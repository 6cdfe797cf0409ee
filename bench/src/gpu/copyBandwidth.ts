/**
 * How fast bytes move: within the device by the copy command and by a shader, to the device and back to the host. A copy
 * within the device reads and writes every byte, so both are counted.
 */
import { interleave } from '../interleave.ts'
import type { GpuBench, GpuMeasurement } from './gpuBench.ts'
import { timeShaders } from './shaderTiming.ts'

const suite = 'copy'
const repetitions = 4
const threads = 256

/** One vector of four per invocation and step, over a fixed grid. */
const copyShader = (vectors: number, invocations: number): string => `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@compute @workgroup_size(${threads}) fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var i = id.x; i < ${vectors}u; i += ${invocations}u) { target_[i] = source[i]; }
}`

/** @returns bytes per second of the faster of the two copies within the device. */
async function withinDevice({ backend, plan, card, emit }: GpuBench): Promise<number> {
  const { device, capabilities } = backend
  const bytes = Math.min(plan.copyBytes, capabilities.maximumBindingBytes & ~15)
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const [from, to] = [0, 1].map(() => device.createBuffer({ size: bytes, usage }))
  const [command] = await interleave(
    [
      async () => {
        const encoder = device.createCommandEncoder()
        for (let i = 0; i < repetitions; i++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes)
        device.queue.submit([encoder.finish()])
        await device.queue.onSubmittedWorkDone()
      },
    ],
    plan,
  )
  const perCopy = {
    ...command,
    milliseconds: command.milliseconds / repetitions,
    least: command.least / repetitions,
  }
  const name = (how: string): string => `${bytes / 2 ** 20} MiB within the device, ${how}`
  emit({
    suite,
    case: name('copy command'),
    timing: perCopy,
    clock: 'wall',
    bytes: 2 * bytes,
    peak: card?.bandwidth,
  })
  const vectors = bytes / 16
  const workgroups = Math.min(Math.ceil(vectors / threads), 16_384)
  const shader = await timeShaders(
    device,
    [
      {
        source: copyShader(vectors, workgroups * threads),
        bindings: [
          { buffer: from, access: 'read' },
          { buffer: to, access: 'read_write' },
        ],
        workgroups: [workgroups, 1, 1],
      },
    ],
    plan,
  )
  emit({ suite, case: name('shader'), ...shader, bytes: 2 * bytes, peak: card?.bandwidth })
  from.destroy()
  to.destroy()
  return (2 * bytes * 1e3) / Math.min(perCopy.milliseconds, shader.timing.milliseconds)
}

async function betweenHostAndDevice({ backend, plan, emit }: GpuBench): Promise<void> {
  const { device } = backend
  const bytes = Math.min(plan.copyBytes, 2 ** 26)
  const data = new Uint8Array(bytes).fill(1)
  const buffer = device.createBuffer({
    size: bytes,
    usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  })
  const readBack = async (count: number, staging: GPUBuffer): Promise<void> => {
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, count)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    data.set(new Uint8Array(staging.getMappedRange()).subarray(0, count))
    staging.unmap()
  }
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
  const large = device.createBuffer({ size: bytes, usage })
  const small = device.createBuffer({ size: 16, usage })
  const [upload, download, latency] = await interleave(
    [
      async () => {
        device.queue.writeBuffer(buffer, 0, data)
        await device.queue.onSubmittedWorkDone()
      },
      () => readBack(bytes, large),
      () => readBack(4, small),
    ],
    plan,
  )
  const size = `${bytes / 2 ** 20} MiB`
  emit({ suite, case: `${size} to the device`, timing: upload, clock: 'wall', bytes })
  emit({ suite, case: `${size} to the host`, timing: download, clock: 'wall', bytes })
  emit({ suite, case: '4 bytes to the host', timing: latency, clock: 'wall' })
  for (const used of [buffer, large, small]) used.destroy()
}

export const copyBandwidth: GpuMeasurement = {
  name: 'copy',
  description: 'copy bandwidth within the device and to and from the host',
  run: async (bench) => {
    const bandwidth = await withinDevice(bench)
    await betweenHostAndDevice(bench)
    return { bandwidth }
  },
}
