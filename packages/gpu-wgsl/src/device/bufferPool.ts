/**
 * GPU buffers by size class, reused as soon as they are released: work is done in the order of submission, so whatever
 * still reads a released buffer does so before its next owner writes it. Nothing waits, and a training loop's memory is
 * flat after its first steps.
 *
 * Sizes are rounded up to eight classes per power of two (at most an eighth is wasted). What lies unused is destroyed,
 * least recently used first, beyond half of what is in use plus a constant: growing samples ask for new sizes all the
 * time and leave the old ones behind.
 */
import { BackendError } from '@hessian-free/tensor'
import type { GpuConnection } from './gpuConnection.ts'

/** A GPU buffer that the pool made. */
export interface Allocation {
  /** Never given twice: identifies the buffer in caches of bind groups. */
  readonly id: number
  readonly buffer: GPUBuffer
  readonly bytes: number
}

const smallestClass = 256
/** Bindings are multiples of it, so that vectors of four can be read to the end. */
const bindingAlignment = 16
/** The size of the binding of a tensor of `bytes`. */
export const bindingSize = (bytes: number): number =>
  Math.max(bindingAlignment, Math.ceil(bytes / bindingAlignment) * bindingAlignment)
const alignedDown = (bytes: number): number => bytes - (bytes % bindingAlignment)
/** Unused memory that is kept in any case. */
const idleBytes = 64 * 2 ** 20

/** The size of the class that holds `bytes`. */
export function sizeClass(bytes: number): number {
  if (bytes <= smallestClass) return smallestClass
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 3)
  return Math.ceil(bytes / step) * step
}

interface Idle {
  readonly allocation: Allocation
  readonly since: number
}

export class BufferPool {
  readonly #connection: GpuConnection
  readonly #idle = new Map<number, Idle[]>()
  readonly #invalid = new Set<Allocation>()
  #nextId = 1
  #clock = 0
  #usedBytes = 0
  #idleBytes = 0

  constructor(connection: GpuConnection) {
    this.#connection = connection
  }

  get reservedBytes(): number {
    return this.#usedBytes + this.#idleBytes
  }

  /**
   * A buffer of at least `bytes`; its contents are undefined.
   * @throws {BackendError} above the device's limits.
   */
  allocate(operation: string, bytes: number): Allocation {
    this.#requireWithinLimits(operation, bytes)
    const size = sizeClass(bytes)
    this.#usedBytes += size
    const idle = this.#takeIdle(size)
    if (idle !== undefined) return idle
    const buffer = this.#create(operation, size, () => {
      this.#invalid.add(allocation)
      // The next attempt shall have what is left.
      this.trim()
    })
    const allocation: Allocation = { id: this.#nextId++, buffer, bytes: size }
    return allocation
  }

  /** The most recently used of a class, whose memory is most likely still in caches. */
  #takeIdle(size: number): Allocation | undefined {
    const list = this.#idle.get(size) ?? []
    for (let entry = list.pop(); entry !== undefined; entry = list.pop()) {
      this.#idleBytes -= size
      if (!this.#invalid.delete(entry.allocation)) return entry.allocation
      entry.allocation.buffer.destroy()
    }
    return undefined
  }

  /** Takes a buffer back. */
  release(allocation: Allocation): void {
    const { bytes } = allocation
    this.#usedBytes -= bytes
    if (this.#invalid.delete(allocation)) {
      allocation.buffer.destroy()
      return
    }
    const idle = this.#idle.get(bytes)
    const entry = { allocation, since: this.#clock++ }
    if (idle === undefined) this.#idle.set(bytes, [entry])
    else idle.push(entry)
    this.#idleBytes += bytes
    while (this.#idleBytes > this.#usedBytes / 2 + idleBytes) this.#destroyOldest()
  }

  /** False once the device has said that it had no memory for the buffer. */
  isSound(allocation: Allocation): boolean {
    return !this.#invalid.has(allocation)
  }

  /** Destroys what lies unused. */
  trim(): void {
    for (const list of this.#idle.values()) {
      for (const { allocation } of list) {
        this.#invalid.delete(allocation)
        allocation.buffer.destroy()
      }
    }
    this.#idle.clear()
    this.#idleBytes = 0
  }

  #destroyOldest(): void {
    let oldest: Idle[] | undefined
    for (const list of this.#idle.values()) {
      if (list.length > 0 && (oldest === undefined || list[0].since < oldest[0].since)) oldest = list
    }
    const entry = oldest?.shift()
    if (entry === undefined) return
    this.#idleBytes -= entry.allocation.bytes
    entry.allocation.buffer.destroy()
  }

  #requireWithinLimits(operation: string, bytes: number): void {
    const { maximumBindingBytes, maximumBufferBytes, adapterName } = this.#connection.capabilities
    // Some devices bind at most 2 GiB − 4.
    const limit = alignedDown(Math.min(maximumBindingBytes, maximumBufferBytes))
    if (bytes <= limit) return
    throw new BackendError({
      operation,
      rule: `a tensor lies in one storage binding, of at most ${limit} bytes on this device (${adapterName})`,
      found: `${bytes} bytes`,
      remedy: 'Work on smaller chunks of the data, or use the wasm backend',
    })
  }

  #create(operation: string, wanted: number, onError: () => void): GPUBuffer {
    const { maximumBufferBytes, adapterName } = this.#connection.capabilities
    const size = Math.min(wanted, alignedDown(maximumBufferBytes))
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const describe = (message: string): BackendError =>
      new BackendError({
        operation,
        rule: `the device must have memory for another ${size} bytes (${adapterName}; ${this.reservedBytes} bytes are held)`,
        found: message,
        remedy: 'Free tensors, use smaller samples or chunks, or a device with more memory',
      })
    return this.#connection.guarded(
      'out-of-memory',
      describe,
      () => this.#connection.device.createBuffer({ size, usage }),
      onError,
    )
  }
}
