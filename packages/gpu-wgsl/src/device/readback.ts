/**
 * From the GPU to the host. The copy into staging memory is enqueued at the call, so the source may be overwritten or
 * released right after it; then one `mapAsync` waits for it, however many tensors were asked for. Staging buffers are
 * kept by size and reused; several reads may be under way.
 *
 * Each wait is counted: tests bound the number of synchronisations of a whole run.
 */
import { BackendError, typedArray } from '@hessian-free/tensor'
import type { DeviceBuffer, TypedArray } from '@hessian-free/tensor'
import { sizeClass } from './bufferPool.ts'
import type { GpuConnection } from './gpuConnection.ts'
import type { GpuMemory } from './gpuMemory.ts'

/** Copies begin at multiples of it. */
const alignment = 16
/** Staging memory beyond this is destroyed after use. */
const keptBytes = 32 * 2 ** 20

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

export class Readback {
  readonly #connection: GpuConnection
  readonly #memory: GpuMemory
  readonly #idle = new Map<number, GPUBuffer[]>()
  #idleBytes = 0
  #waits = 0

  constructor(connection: GpuConnection, memory: GpuMemory) {
    this.#connection = connection
    this.#memory = memory
  }

  /** How often the host has waited for the device. */
  get waits(): number {
    return this.#waits
  }

  /** Waits for everything enqueued so far. @throws {DeviceLostError} @throws {BackendError} a failure not yet told. */
  async synchronize(): Promise<void> {
    this.#connection.requireUsable('synchronize')
    this.#waits++
    await this.#connection.wait('synchronize', this.#connection.device.queue.onSubmittedWorkDone())
    this.#connection.ledger.reportUnseen()
  }

  /**
   * The contents of all buffers as they are now, with one wait.
   * @throws {BackendError} where contents are not to be believed. @throws {DeviceLostError} @throws {LifetimeError}
   */
  async read(buffers: readonly DeviceBuffer[]): Promise<TypedArray[]> {
    const { device } = this.#connection
    this.#connection.requireUsable('read')
    const sources = buffers.map((buffer) => this.#memory.locate('read', buffer).buffer)
    const results = buffers.map(({ dtype, bytes }) => typedArray(dtype, bytes / 4))
    const offsets: number[] = []
    const total = buffers.reduce((end, { bytes }) => {
      offsets.push(end)
      return end + aligned(bytes)
    }, 0)
    if (total === 0) return results
    const size = sizeClass(total)
    const staging = this.#take(size)
    // An error here spoils this reading and nothing else.
    const copied = this.#connection.attempt('validation', () => {
      const encoder = device.createCommandEncoder()
      buffers.forEach(({ bytes }, i) => {
        if (bytes > 0) encoder.copyBufferToBuffer(sources[i], 0, staging, offsets[i], bytes)
      })
      device.queue.submit([encoder.finish()])
    })
    this.#waits++
    try {
      await this.#connection.wait('read', staging.mapAsync(GPUMapMode.READ, 0, total))
      for (const buffer of buffers) this.#memory.requireSound(buffer)
      const found = await copied.error
      if (found !== undefined) {
        throw new BackendError({ operation: 'read', rule: 'the device must accept the copy', found })
      }
    } catch (error) {
      staging.destroy()
      throw error
    }
    const mapped = staging.getMappedRange(0, total)
    results.forEach((result, i) => {
      new Uint8Array(result.buffer).set(new Uint8Array(mapped, offsets[i], result.byteLength))
    })
    staging.unmap()
    this.#give(size, staging)
    return results
  }

  dispose(): void {
    for (const list of this.#idle.values()) for (const buffer of list) buffer.destroy()
    this.#idle.clear()
  }

  #take(size: number): GPUBuffer {
    const idle = this.#idle.get(size)?.pop()
    if (idle !== undefined) {
      this.#idleBytes -= size
      return idle
    }
    return this.#connection.device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
  }

  #give(size: number, staging: GPUBuffer): void {
    if (this.#idleBytes + size > keptBytes) {
      staging.destroy()
      return
    }
    this.#idleBytes += size
    const list = this.#idle.get(size)
    if (list === undefined) this.#idle.set(size, [staging])
    else list.push(staging)
  }
}
