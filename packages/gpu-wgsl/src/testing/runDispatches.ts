/**
 * Runs dispatches over storages given as bytes: what tests of generators use that do not start from a kernel program.
 */
import { prepareSequence } from '../tuning/dispatchSequence.ts'
import type { ShaderDispatch, StorageIndex } from '../wgsl/shaderDispatch.ts'

export interface StorageContents {
  readonly bytes: number
  /** At the start; without it every word is NaN, so that what nobody has written is seen. */
  readonly contents?: ArrayBufferView<ArrayBuffer>
}

/** Storages of a problem and of the workspaces that its generator asks for. */
export class StorageList {
  readonly storages = new Map<StorageIndex, StorageContents>()

  add = (bytes: number): StorageIndex => {
    this.storages.set(this.storages.size, { bytes })
    return this.storages.size - 1
  }

  addContents(contents: ArrayBufferView<ArrayBuffer>): StorageIndex {
    const storage = this.add(contents.byteLength)
    this.storages.set(storage, { bytes: contents.byteLength, contents })
    return storage
  }
}

/** @returns the bytes of storage `read` afterwards. @throws {BackendError} for WGSL that does not compile. */
export async function runDispatches(
  device: GPUDevice,
  dispatches: readonly ShaderDispatch[],
  storages: ReadonlyMap<StorageIndex, StorageContents>,
  read: StorageIndex,
): Promise<ArrayBuffer> {
  const buffers = new Map<StorageIndex, GPUBuffer>()
  const sizeOf = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16)
  for (const [storage, { bytes, contents }] of storages) {
    const size = sizeOf(bytes)
    const buffer = device.createBuffer({
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    })
    const start = new Uint8Array(size).fill(0xff)
    if (contents !== undefined) {
      start.set(new Uint8Array(contents.buffer, contents.byteOffset, contents.byteLength))
    }
    device.queue.writeBuffer(buffer, 0, start)
    buffers.set(storage, buffer)
  }
  const wanted = storages.get(read)
  const source = buffers.get(read)
  if (wanted === undefined || source === undefined) throw new Error(`no storage ${read}`)
  const sequence = await prepareSequence(device, dispatches, buffers)
  const staging = device.createBuffer({
    size: sizeOf(wanted.bytes),
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  sequence.encode(pass)
  pass.end()
  encoder.copyBufferToBuffer(source, 0, staging, 0, sizeOf(wanted.bytes))
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(GPUMapMode.READ)
  const result = staging.getMappedRange().slice(0, wanted.bytes)
  for (const buffer of [...buffers.values(), staging]) buffer.destroy()
  return result
}
