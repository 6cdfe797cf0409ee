/**
 * Runs one kernel program through given generators on a device, buffer by buffer and dispatch by dispatch, with none of
 * the runtime's caching: what tests of generators use, so that they do not depend on the backend.
 */
import type { BufferIndex, Dtype, Kernel, KernelProgram, TypedArray } from '@hessian-free/tensor'
import { typedArray } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { prepareSequence } from '../tuning/dispatchSequence.ts'
import type { KernelContext, ShaderDispatch } from '../wgsl/shaderDispatch.ts'

/** Every buffer in a storage of its own unless `storages` puts several into one. */
export interface RunOptions {
  readonly device: GPUDevice
  readonly capabilities: DeviceCapabilities
  readonly generate: (kernel: Kernel, context: KernelContext) => readonly ShaderDispatch[]
  /** Storage of each buffer; default its own number. */
  readonly storageOf?: (buffer: BufferIndex) => number
}

interface Storage {
  readonly dtype: Dtype
  readonly elements: number
}

/** @returns the output buffers' contents. @throws {BackendError} for WGSL that does not compile, with the text. */
export async function runKernelProgram(
  program: KernelProgram,
  inputs: readonly TypedArray[],
  { device, capabilities, generate, storageOf = (buffer) => buffer }: RunOptions,
): Promise<TypedArray[]> {
  const workspaces: Storage[] = []
  const count = program.buffers.length
  const context: KernelContext = {
    device: capabilities,
    specification: (buffer) => (buffer < count ? program.buffers[buffer] : workspaces[buffer - count]),
    storageOf: (buffer) => (buffer < count ? storageOf(buffer) : buffer),
    workspace: (dtype, elements) => workspaces.push({ dtype, elements }) - 1 + count,
  }
  const dispatches = program.kernels.flatMap((kernel) => generate(kernel, context))
  const buffers = new Map<number, GPUBuffer>()
  const place = (buffer: BufferIndex): GPUBuffer => {
    const storage = context.storageOf(buffer)
    const known = buffers.get(storage)
    if (known !== undefined) return known
    const size = Math.max(16, Math.ceil(context.specification(buffer).elements / 4) * 16)
    const made = device.createBuffer({
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    })
    // What nobody has written shall be seen.
    device.queue.writeBuffer(made, 0, new Uint32Array(size / 4).fill(0xffffffff))
    buffers.set(storage, made)
    return made
  }
  program.buffers.forEach((_, buffer) => place(buffer))
  workspaces.forEach((_, i) => place(count + i))
  program.inputs.forEach((buffer, i) =>
    device.queue.writeBuffer(place(buffer), 0, inputs[i] as Float32Array<ArrayBuffer>),
  )

  const sequence = await prepareSequence(device, dispatches, buffers)
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  sequence.encode(pass)
  pass.end()
  device.queue.submit([encoder.finish()])
  const results = await Promise.all(
    program.outputs.map((buffer) =>
      readBuffer(device, place(buffer), program.buffers[buffer].dtype, program.buffers[buffer].elements),
    ),
  )
  for (const buffer of buffers.values()) buffer.destroy()
  return results
}

async function readBuffer(
  device: GPUDevice,
  buffer: GPUBuffer,
  dtype: Dtype,
  elements: number,
): Promise<TypedArray> {
  const result = typedArray(dtype, elements)
  if (elements === 0) return result
  const staging = device.createBuffer({
    size: Math.ceil(elements / 4) * 16,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, elements * 4)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(GPUMapMode.READ)
  const words = new Uint32Array(staging.getMappedRange()).subarray(0, elements)
  new Uint32Array(result.buffer as ArrayBuffer).set(words)
  staging.destroy()
  return result
}
