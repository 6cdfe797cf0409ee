/**
 * Time of a few shaders in one pass: the device's own timestamps around the pass where it has them, else wall time.
 */
import { median, spread } from '../statistics.ts'
import type { Timing } from '../interleave.ts'
import type { Clock } from './gpuRow.ts'

export interface Shader {
  readonly source: string
  /** Of group 0, by binding number. */
  readonly bindings: readonly { readonly buffer: GPUBuffer; readonly access: 'read' | 'read_write' }[]
  readonly workgroups: readonly [number, number, number]
}

export interface ShaderTiming {
  readonly timing: Timing
  readonly clock: Clock
}

/**
 * Makes everything that a dispatch needs; the result encodes it.
 * @throws {Error} with the text of a shader that the device refuses.
 */
async function prepareShader(
  device: GPUDevice,
  { source, bindings, workgroups }: Shader,
): Promise<(pass: GPUComputePassEncoder) => void> {
  const layout = device.createBindGroupLayout({
    entries: bindings.map(({ access }, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    })),
  })
  const module = device.createShaderModule({ code: source })
  const pipeline = await device
    .createComputePipelineAsync({
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    })
    .catch((cause: unknown) => {
      throw new Error(`the device refuses a shader: ${String(cause)}\n${source}`, { cause })
    })
  const group = device.createBindGroup({
    layout,
    entries: bindings.map(({ buffer }, binding) => ({ binding, resource: { buffer } })),
  })
  return (pass) => {
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(...workgroups)
  }
}

const bytesPerTimestamp = 8

/** Times of single passes that run the shaders in order. */
export async function timeShaders(
  device: GPUDevice,
  shaders: readonly Shader[],
  { runs, warmUp }: { readonly runs: number; readonly warmUp: number },
): Promise<ShaderTiming> {
  const encoders: ((pass: GPUComputePassEncoder) => void)[] = []
  for (const shader of shaders) encoders.push(await prepareShader(device, shader))
  const stamps = device.features.has('timestamp-query') ? createStamps(device) : undefined
  const wall: number[] = []
  const stamped: number[] = []
  for (let run = -warmUp; run < runs; run++) {
    const start = performance.now()
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass(stamps === undefined ? {} : { timestampWrites: stamps.writes })
    for (const encode of encoders) encode(pass)
    pass.end()
    stamps?.resolve(encoder)
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    const elapsed = performance.now() - start
    const ofDevice = await stamps?.read()
    if (run < 0) continue
    wall.push(elapsed)
    if (ofDevice !== undefined) stamped.push(ofDevice)
  }
  stamps?.destroy()
  // Some devices offer timestamps and leave them at zero.
  const trusted = stamped.length === runs && stamped.every((milliseconds) => milliseconds > 0)
  const times = trusted ? stamped : wall
  return {
    clock: trusted ? 'timestamp' : 'wall',
    timing: { milliseconds: median(times), least: Math.min(...times), spread: spread(times), runs },
  }
}

function createStamps(device: GPUDevice) {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 })
  const size = 2 * bytesPerTimestamp
  const resolved = device.createBuffer({
    size,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  })
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  return {
    writes: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    resolve: (encoder: GPUCommandEncoder) => {
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0)
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
    },
    /** Milliseconds between the two. */
    read: async () => {
      await staging.mapAsync(GPUMapMode.READ)
      const [from, to] = new BigUint64Array(staging.getMappedRange())
      const nanoseconds = Number(to - from)
      staging.unmap()
      return nanoseconds / 1e6
    },
    destroy: () => {
      querySet.destroy()
      resolved.destroy()
      staging.destroy()
    },
  }
}
