/**
 * From the entry point of WebGPU (`navigator.gpu`, or what Dawn's `create()` returns) to a device with everything its
 * adapter offers: limits default to the least the specification allows, so all that matter are asked for.
 */
import { BackendError } from '@hessian-free/tensor'
import type { DeviceCapabilities, SubgroupMatrixShape } from './deviceCapabilities.ts'

export interface DeviceRequest {
  /** Prefer the adapter with more or with less power; default 'high-performance'. */
  readonly powerPreference?: GPUPowerPreference
  /** Take an adapter that is a processor in disguise; default true. */
  readonly allowSoftware?: boolean
}

export interface RequestedDevice {
  readonly device: GPUDevice
  readonly capabilities: DeviceCapabilities
}

const wantedFeatures = [
  'shader-f16',
  'subgroups',
  'timestamp-query',
  'chromium-experimental-subgroup-matrix',
] as const

const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const

/** Fields that Dawn and Chromium have beyond the standard's types. */
export interface ExtendedAdapterInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: SubgroupMatrixShape['componentType']
    readonly resultComponentType: SubgroupMatrixShape['resultComponentType']
    readonly M: number
    readonly N: number
    readonly K: number
  }>
}

/** The shapes in this package's words. */
export const matrixShapesOf = ({ subgroupMatrixConfigs = [] }: ExtendedAdapterInfo): SubgroupMatrixShape[] =>
  [...subgroupMatrixConfigs].map(({ componentType, resultComponentType, M, N, K }) => ({
    componentType,
    resultComponentType,
    rows: M,
    columns: N,
    depth: K,
  }))

/** `NVIDIA ampere, NVIDIA H100 (…)`: the parts an adapter is willing to tell. */
export function adapterName({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  const parts = [vendor, architecture, device, description].filter(
    (part, i, all) => part !== '' && all.indexOf(part) === i,
  )
  return parts.length === 0 ? 'unnamed adapter' : parts.join(' ')
}

const softwareNames = /swiftshader|llvmpipe|lavapipe|software|warp|basic render/i

/** True for adapters that compute on the processor. */
export const isSoftwareAdapter = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter || softwareNames.test(adapterName(info))

function capabilitiesOf(device: GPUDevice, info: ExtendedAdapterInfo): DeviceCapabilities {
  const { limits, features } = device
  return {
    adapterName: adapterName(info),
    isSoftware: isSoftwareAdapter(info),
    hasFloat16: features.has('shader-f16'),
    hasSubgroups: features.has('subgroups'),
    hasTimestamps: features.has('timestamp-query'),
    subgroupMinimumSize: info.subgroupMinSize || 4,
    subgroupMaximumSize: info.subgroupMaxSize || 128,
    subgroupMatrixShapes: features.has('chromium-experimental-subgroup-matrix') ? matrixShapesOf(info) : [],
    maximumBindingBytes: limits.maxStorageBufferBindingSize,
    maximumBufferBytes: limits.maxBufferSize,
    maximumStorageBindings: limits.maxStorageBuffersPerShaderStage,
    // Generated workgroups lie along x.
    maximumWorkgroupInvocations: Math.min(
      limits.maxComputeInvocationsPerWorkgroup,
      limits.maxComputeWorkgroupSizeX,
    ),
    maximumWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    maximumWorkgroupsPerAxis: limits.maxComputeWorkgroupsPerDimension,
  }
}

/**
 * A new device. Each call asks for an adapter of its own, because an adapter makes one device.
 * @throws {BackendError} where no adapter is offered, or only a software one that is not wanted, or it makes no device.
 */
export async function requestDevice(
  gpu: GPU,
  { powerPreference = 'high-performance', allowSoftware = true }: DeviceRequest = {},
): Promise<RequestedDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference })
  if (adapter === null) {
    throw new BackendError({
      operation: 'createGpuBackend',
      rule: 'WebGPU must offer an adapter',
      found: 'none',
      remedy: 'See `hf devices` for what is missing, or use createWasmBackend() from @hessian-free/tensor',
    })
  }
  if (!allowSoftware && isSoftwareAdapter(adapter.info)) {
    throw new BackendError({
      operation: 'createGpuBackend',
      rule: 'the adapter must be a hardware GPU',
      found: adapterName(adapter.info),
      remedy:
        'Allow software adapters, or use createWasmBackend() from @hessian-free/tensor, which is faster',
    })
  }
  const device = await adapter
    .requestDevice({
      requiredFeatures: wantedFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
      requiredLimits: Object.fromEntries(wantedLimits.map((limit) => [limit, adapter.limits[limit]])),
    })
    .catch((cause: unknown) => {
      throw new BackendError({
        operation: 'createGpuBackend',
        rule: 'the adapter must make a device',
        found: `${adapterName(adapter.info)}: ${cause instanceof Error ? cause.message : String(cause)}`,
        remedy: 'Close other programs that use the GPU and try again, or use the wasm backend',
        cause,
      })
    })
  return { device, capabilities: capabilitiesOf(device, adapter.info) }
}
