/**
 * From the GPU to the host. The copy into staging memory is enqueued at the call, so the source may be overwritten or
 * released right after it; then the host waits once for it, however many tensors were asked for. Staging buffers are kept
 * by size and reused; several reads may be under way.
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

/** Where the copy of a tensor begins, in which of the staging buffers. */
interface Place {
  readonly staging: number
  readonly offset: number
}

/** What the device said against a copy, if anything. */
function refusal([memory, validation]: readonly (string | undefined)[]): BackendError | undefined {
  if (memory !== undefined) {
    return new BackendError({
      operation: 'read',
      rule: 'the device must have memory for a copy of what is read',
      found: memory,
      remedy: 'Read less at a time, or free tensors',
    })
  }
  if (validation === undefined) return undefined
  return new BackendError({ operation: 'read', rule: 'the device must accept the copy', found: validation })
}

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
   * @throws {BackendError} where contents are not to be believed, or no memory is left to copy them to.
   * @throws {DeviceLostError} @throws {LifetimeError}
   */
  async read(buffers: readonly DeviceBuffer[]): Promise<TypedArray[]> {
    const { device } = this.#connection
    this.#connection.requireUsable('read')
    const sources = buffers.map((buffer) => this.#memory.locate('read', buffer).buffer)
    const results = buffers.map(({ dtype, bytes }) => typedArray(dtype, bytes / 4))
    const { places, totals } = this.#arrange(buffers.map(({ bytes }) => bytes))
    if (totals.length === 0) return results
    // An error here spoils this reading and nothing else.
    const memory = this.#connection.attempt('out-of-memory', () =>
      this.#connection.attempt('validation', () => {
        const stagings = totals.map((total) => this.#take(this.#sizeOf(total)))
        const encoder = device.createCommandEncoder()
        buffers.forEach(({ bytes }, i) => {
          const { staging, offset } = places[i]
          if (bytes > 0) encoder.copyBufferToBuffer(sources[i], 0, stagings[staging], offset, bytes)
        })
        device.queue.submit([encoder.finish()])
        const mapped = stagings.map((staging, i) => staging.mapAsync(GPUMapMode.READ, 0, totals[i]))
        return { stagings, mapped: Promise.all(mapped) }
      }),
    )
    const { stagings, mapped } = memory.result.result
    const found = Promise.all([memory.error, memory.result.error])
    const copied = mapped.then(
      () => undefined,
      async (cause: unknown) => {
        throw refusal(await found) ?? cause
      },
    )
    this.#waits++
    try {
      await this.#connection.wait('read', Promise.all([copied, found]))
      for (const buffer of buffers) this.#memory.requireSound(buffer)
      const refused = refusal(await found)
      if (refused !== undefined) throw refused
    } catch (error) {
      for (const staging of stagings) staging.destroy()
      throw error
    }
    const ranges = stagings.map((staging, i) => staging.getMappedRange(0, totals[i]))
    results.forEach((result, i) => {
      if (result.byteLength === 0) return
      const { staging, offset } = places[i]
      new Uint8Array(result.buffer).set(new Uint8Array(ranges[staging], offset, result.byteLength))
    })
    stagings.forEach((staging, i) => {
      staging.unmap()
      this.#give(this.#sizeOf(totals[i]), staging)
    })
    return results
  }

  /** Where each copy goes: all into one staging buffer, or into several where a buffer may not be so large. */
  #arrange(sizes: readonly number[]): { places: Place[]; totals: number[] } {
    const totals: number[] = []
    const places = sizes.map((bytes) => {
      const last = totals.length - 1
      if (bytes === 0) return { staging: last, offset: 0 }
      const size = aligned(bytes)
      if (last >= 0 && totals[last] + size <= this.#largest) {
        totals[last] += size
        return { staging: last, offset: totals[last] - size }
      }
      totals.push(size)
      return { staging: last + 1, offset: 0 }
    })
    return { places, totals }
  }

  get #largest(): number {
    const { maximumBufferBytes } = this.#connection.capabilities
    return maximumBufferBytes - (maximumBufferBytes % alignment)
  }

  #sizeOf(total: number): number {
    return Math.min(sizeClass(total), this.#largest)
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
