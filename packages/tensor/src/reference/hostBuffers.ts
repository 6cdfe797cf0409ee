/**
 * Memory of the reference backend: each buffer is a host array of its own, and the pool counts what lives. Use
 * of a released or foreign buffer is a typed error here, because this backend is where tests look for such bugs.
 */
import type { DeviceBuffer, MemoryStatistics } from '../backend.ts'
import type { Dtype, TypedArray } from '../dtype.ts'
import { BackendError, LifetimeError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import { formatType } from '../program/program.ts'
import type { Shape } from '../shape.ts'

/** A handle; its contents are known to the pool that made it, while it lives. */
class HostBuffer implements DeviceBuffer {
  readonly shape: Shape
  readonly dtype: Dtype
  readonly bytes: number

  constructor({ shape, dtype, data }: HostArray) {
    this.shape = shape
    this.dtype = dtype
    this.bytes = data.byteLength
  }
}

export class HostBuffers {
  readonly #contents = new Map<DeviceBuffer, HostArray>()
  readonly #released = new WeakSet<DeviceBuffer>()
  #liveBytes = 0
  #peakBytes = 0

  constructor(readonly backendName: string) {}

  /** A buffer that owns `array.data`. */
  adopt(array: HostArray): DeviceBuffer {
    const buffer = new HostBuffer(array)
    this.#contents.set(buffer, array)
    this.#liveBytes += buffer.bytes
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes)
    return buffer
  }

  /** @throws {LifetimeError} if released. @throws {BackendError} if made by another backend. */
  contents(operation: string, buffer: DeviceBuffer): HostArray {
    const array = this.#contents.get(buffer)
    if (array !== undefined) return array
    if (this.#released.has(buffer)) {
      throw new LifetimeError({
        operation,
        rule: 'the buffer must not have been released',
        found: formatType(buffer),
        remedy: 'Keep the tensor alive until its last use, and do not use donated tensors again',
      })
    }
    throw new BackendError({
      operation,
      rule: `the buffer must belong to this ${this.backendName} backend`,
      found: `a ${formatType(buffer)} buffer of another backend`,
      remedy: 'Move the tensor with tensor.to(backend)',
    })
  }

  /** Takes a buffer out of circulation and returns its storage. @throws like `contents`. */
  release(operation: string, buffer: DeviceBuffer): TypedArray {
    const { data } = this.contents(operation, buffer)
    this.#contents.delete(buffer)
    this.#released.add(buffer)
    this.#liveBytes -= buffer.bytes
    return data
  }

  clear(): void {
    for (const buffer of [...this.#contents.keys()]) this.release('dispose', buffer)
  }

  statistics(): MemoryStatistics {
    return {
      liveBuffers: this.#contents.size,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      scratchBytes: 0,
      reservedBytes: this.#liveBytes,
    }
  }
}
