/**
 * Tensors in WebAssembly memory: the handle, and the checks between a caller and an address.
 */
import type { DeviceBuffer } from '../backend.ts'
import type { Dtype, TypedArray } from '../dtype.ts'
import { bytesPerElement } from '../dtype.ts'
import { BackendError, LifetimeError } from '../errors.ts'
import type { TensorType } from '../program/program.ts'
import { formatType } from '../program/program.ts'
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { PanelsOfBuffer } from './packedPanels.ts'
import type { WasmAllocator } from './wasmAllocator.ts'

/** A handle on storage in the memory of one allocator. */
class WasmBuffer implements DeviceBuffer {
  readonly shape: Shape
  readonly dtype: Dtype
  readonly bytes: number
  /** Packed panels made of the contents. */
  readonly panels: PanelsOfBuffer = new Map()

  constructor(
    { shape, dtype }: TensorType,
    readonly allocator: WasmAllocator,
    /** −1 once released. */
    public address: number,
  ) {
    this.shape = shape
    this.dtype = dtype
    this.bytes = bytesPerElement[dtype] * sizeOf(shape)
  }
}

/**
 * Fresh storage, contents undefined.
 * @throws {BackendError} if the memory is full, naming the tensor and its size.
 */
export function allocateBuffer(operation: string, type: TensorType, allocator: WasmAllocator): DeviceBuffer {
  const bytes = bytesPerElement[type.dtype] * sizeOf(type.shape)
  const address = allocator.takeOrEvict(bytes)
  if (address === undefined) throw outOfMemory(operation, `${formatType(type)}, ${bytes} bytes`, allocator)
  allocator.countLive(bytes)
  return new WasmBuffer(type, allocator, address)
}

/** The error of a full memory. */
export function outOfMemory(operation: string, wanted: string, allocator: WasmAllocator): BackendError {
  const { liveBytes, liveBuffers, reservedBytes } = allocator.statistics()
  return new BackendError({
    operation,
    rule: 'the WebAssembly memory must have room for every tensor (4 GiB at most)',
    found: `${wanted}, beside ${liveBytes} bytes in ${liveBuffers} live tensors; ${reservedBytes} bytes are reserved`,
    remedy: 'Use smaller batches, or dispose of tensors that are no longer needed',
  })
}

/**
 * Where a tensor's first element lies, in bytes.
 * @throws {LifetimeError} if it was released. @throws {BackendError} if it belongs to another backend.
 */
export function addressOf(operation: string, buffer: DeviceBuffer, allocator: WasmAllocator): number {
  return owned(operation, buffer, allocator).address
}

/** The packed panels of a buffer. @throws like `addressOf`. */
export const panelsOf = (operation: string, buffer: DeviceBuffer, allocator: WasmAllocator): PanelsOfBuffer =>
  owned(operation, buffer, allocator).panels

function owned(operation: string, buffer: DeviceBuffer, allocator: WasmAllocator): WasmBuffer {
  if (!(buffer instanceof WasmBuffer) || buffer.allocator !== allocator) {
    throw new BackendError({
      operation,
      rule: 'the buffer must belong to this wasm backend',
      found: `a ${formatType(buffer)} buffer of another backend`,
      remedy: 'Move the tensor with tensor.to(backend)',
    })
  }
  if (buffer.address < 0) {
    throw new LifetimeError({
      operation,
      rule: 'the buffer must not have been released',
      found: formatType(buffer),
      remedy: 'Keep the tensor alive until its last use, and do not use donated tensors again',
    })
  }
  return buffer
}

/** Gives the storage back. @throws like `addressOf`. */
export function releaseBuffer(operation: string, buffer: DeviceBuffer, allocator: WasmAllocator): void {
  const known = owned(operation, buffer, allocator)
  allocator.give(known.address, known.bytes)
  allocator.panels.free(known.panels)
  allocator.countReleased(known.bytes)
  known.address = -1
}

/** A new handle of another type and the same size on the storage of `buffer`, whose own handle ends here. */
export function takeOverBuffer(
  operation: string,
  buffer: DeviceBuffer,
  type: TensorType,
  allocator: WasmAllocator,
): DeviceBuffer {
  const known = owned(operation, buffer, allocator)
  const taken = new WasmBuffer(type, allocator, known.address)
  allocator.panels.free(known.panels)
  known.address = -1
  return taken
}

const viewConstructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Uint32Array,
} as const

/** The elements where they lie. Valid only until the memory grows: use at once. */
export function elementsOf(operation: string, buffer: DeviceBuffer, allocator: WasmAllocator): TypedArray {
  const address = addressOf(operation, buffer, allocator)
  return new viewConstructors[buffer.dtype](allocator.memory.buffer, address, sizeOf(buffer.shape))
}
