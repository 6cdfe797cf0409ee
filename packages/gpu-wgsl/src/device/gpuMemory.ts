/**
 * Tensors in GPU memory: their handles, and the checks between a caller and a `GPUBuffer`.
 */
import { BackendError, LifetimeError, bytesPerElement, formatType, sizeOf } from '@hessian-free/tensor'
import type { DeviceBuffer, Dtype, MemoryStatistics, Shape, TensorType } from '@hessian-free/tensor'
import type { Allocation } from './bufferPool.ts'
import { BufferPool } from './bufferPool.ts'
import type { GpuConnection } from './gpuConnection.ts'

/** A handle on a whole pooled buffer. */
class GpuTensorBuffer implements DeviceBuffer {
  readonly shape: Shape
  readonly dtype: Dtype
  readonly bytes: number
  #allocation: Allocation | undefined

  constructor(
    { shape, dtype }: TensorType,
    readonly owner: GpuMemory,
    allocation: Allocation,
    /** Of the operation that wrote the contents. */
    readonly serial: number,
  ) {
    this.#allocation = allocation
    this.shape = shape
    this.dtype = dtype
    this.bytes = bytesPerElement[dtype] * sizeOf(shape)
  }

  /** Undefined once released. */
  get allocation(): Allocation | undefined {
    return this.#allocation
  }

  end(): void {
    this.#allocation = undefined
  }
}

export class GpuMemory {
  readonly pool: BufferPool
  readonly #connection: GpuConnection
  #liveBuffers = 0
  #liveBytes = 0
  #peakBytes = 0

  constructor(connection: GpuConnection) {
    this.#connection = connection
    this.pool = new BufferPool(connection)
  }

  /** A tensor to be written by the operation under way. @throws {BackendError} above the device's limits. */
  create(operation: string, type: TensorType): DeviceBuffer {
    const bytes = bytesPerElement[type.dtype] * sizeOf(type.shape)
    const allocation = this.pool.allocate(`${operation}, ${formatType(type)}`, bytes)
    this.#liveBuffers++
    this.#liveBytes += bytes
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes)
    return new GpuTensorBuffer(type, this, allocation, this.#connection.ledger.serial)
  }

  /**
   * Where a tensor lies.
   * @throws {LifetimeError} if it was released. @throws {BackendError} if it belongs to another backend, or if its
   * contents are not to be believed.
   */
  locate(operation: string, buffer: DeviceBuffer): Allocation {
    const { serial, allocation } = this.#owned(operation, buffer)
    this.#connection.ledger.requireSound(serial)
    return allocation
  }

  /** @throws {BackendError} if the contents are not to be believed; also for a buffer released meanwhile. */
  requireSound(buffer: DeviceBuffer): void {
    if (buffer instanceof GpuTensorBuffer) this.#connection.ledger.requireSound(buffer.serial)
  }

  /** Takes the handle out of circulation and its memory back. */
  release(operation: string, buffer: DeviceBuffer): void {
    const known = this.#owned(operation, buffer)
    this.pool.release(known.allocation)
    known.end()
    this.#liveBuffers--
    this.#liveBytes -= known.bytes
  }

  /** A new handle of another type on the memory of `buffer`, whose own handle ends here. */
  takeOver(operation: string, buffer: DeviceBuffer, type: TensorType): DeviceBuffer {
    const known = this.#owned(operation, buffer)
    const taken = new GpuTensorBuffer(type, this, known.allocation, this.#connection.ledger.serial)
    known.end()
    return taken
  }

  statistics(scratchBytes: number): MemoryStatistics {
    return {
      liveBuffers: this.#liveBuffers,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      scratchBytes,
      reservedBytes: this.pool.reservedBytes,
    }
  }

  #owned(operation: string, buffer: DeviceBuffer): GpuTensorBuffer & { allocation: Allocation } {
    if (!(buffer instanceof GpuTensorBuffer) || buffer.owner !== this) {
      throw new BackendError({
        operation,
        rule: 'the buffer must belong to this gpu backend',
        found: `a ${formatType(buffer)} buffer of another backend`,
        remedy: 'Move the tensor with tensor.to(backend)',
      })
    }
    if (buffer.allocation === undefined) {
      throw new LifetimeError({
        operation,
        rule: 'the buffer must not have been released',
        found: formatType(buffer),
        remedy: 'Keep the tensor alive until its last use, and do not use donated tensors again',
      })
    }
    return buffer as GpuTensorBuffer & { allocation: Allocation }
  }
}
