/**
 * What a device can do, as plain data: everything the code generators may depend on. Read once from a `GPUDevice`;
 * generators never see the device itself, so every shader of every device can be generated and type-checked anywhere.
 */

/** One shape of subgroup-matrix products (chromium-experimental-subgroup-matrix): C[M,N] += A[M,K]·B[K,N]. */
export interface SubgroupMatrixShape {
  readonly componentType: 'f32' | 'f16' | 'u8' | 'i8' | 'u32' | 'i32'
  readonly resultComponentType: 'f32' | 'f16' | 'u32' | 'i32'
  readonly rows: number
  readonly columns: number
  readonly depth: number
}

export interface DeviceCapabilities {
  /** Names the adapter: vendor, architecture, device, description. */
  readonly adapterName: string
  /** A processor that pretends to be a GPU (SwiftShader, llvmpipe): small workgroups without shared memory are fastest. */
  readonly isSoftware: boolean
  readonly hasFloat16: boolean
  readonly hasSubgroups: boolean
  readonly hasTimestamps: boolean
  readonly subgroupMinimumSize: number
  readonly subgroupMaximumSize: number
  readonly subgroupMatrixShapes: readonly SubgroupMatrixShape[]
  /** Bytes of the largest storage binding; a tensor lies in one binding. */
  readonly maximumBindingBytes: number
  readonly maximumBufferBytes: number
  readonly maximumStorageBindings: number
  readonly maximumWorkgroupInvocations: number
  readonly maximumWorkgroupBytes: number
  /** In each of the three axes of a dispatch. */
  readonly maximumWorkgroupsPerAxis: number
}

/** What the WebGPU specification guarantees: the capabilities of the least device, and of Dawn's null backend. */
export const guaranteedCapabilities: DeviceCapabilities = {
  adapterName: 'guaranteed by WebGPU',
  isSoftware: false,
  hasFloat16: false,
  hasSubgroups: false,
  hasTimestamps: false,
  subgroupMinimumSize: 4,
  subgroupMaximumSize: 128,
  subgroupMatrixShapes: [],
  maximumBindingBytes: 2 ** 27,
  maximumBufferBytes: 2 ** 28,
  maximumStorageBindings: 8,
  maximumWorkgroupInvocations: 256,
  maximumWorkgroupBytes: 16_384,
  maximumWorkgroupsPerAxis: 65_535,
}
