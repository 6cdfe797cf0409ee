/**
 * New tensors: from host data (uploaded to a backend) or from a rule (zeros, ones, ranges), which needs no
 * data and is recorded while tracing.
 */
import type { Backend } from '../backend.ts'
import { defaultBackend } from '../defaultBackend.ts'
import type { Dtype, TypedArray } from '../dtype.ts'
import { dtypeOf, isFloat, typedArrayFrom } from '../dtype.ts'
import { DtypeError, ShapeError } from '../errors.ts'
import { applyPrimitive } from '../execution.ts'
import type { HostArray } from '../hostArray.ts'
import { hostArray } from '../hostArray.ts'
import type { Shape } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { currentTrace } from '../trace.ts'

export interface CreationOptions {
  /** Default: float32 for numbers, bool for booleans, the array's own type for typed arrays. */
  readonly dtype?: Dtype
  /** Default: nested arrays give the shape, flat data a vector. */
  readonly shape?: Shape
  /** Default: `defaultBackend()`. */
  readonly backend?: Backend
}

export type NestedNumbers = number | boolean | readonly NestedNumbers[]

function nestedShape(data: NestedNumbers): number[] {
  if (typeof data === 'number' || typeof data === 'boolean') return []
  return [data.length, ...(data.length === 0 ? [] : nestedShape(data[0]))]
}

function flattenNested(data: NestedNumbers, shape: Shape, into: (number | boolean)[]): void {
  const [extent, ...inner] = shape
  const isNumber = typeof data === 'number' || typeof data === 'boolean'
  if (isNumber && extent === undefined) {
    into.push(data)
  } else if (!isNumber && data.length === extent) {
    for (const child of data) flattenNested(child, inner, into)
  } else {
    throw new ShapeError({
      operation: 'tensor',
      rule: 'nested arrays must be rectangular',
      found: isNumber
        ? 'a number among rows'
        : `a row of ${data.length} where ${extent ?? 'a number'} is due`,
    })
  }
}

const isHostArray = (data: object): data is HostArray => 'data' in data && 'shape' in data

/**
 * A tensor from numbers, nested arrays, a typed array or a host array; copied to the backend.
 * @throws {ShapeError} for ragged nesting or a shape that does not fit the data.
 * @throws {DtypeError} if the backend does not support the dtype.
 */
export function tensor(data: NestedNumbers | TypedArray | HostArray, options: CreationOptions = {}): Tensor {
  const backend = options.backend ?? defaultBackend()
  return Tensor.concrete(backend, backend.upload(hostArrayOf(data, options)))
}

function hostArrayOf(data: NestedNumbers | TypedArray | HostArray, options: CreationOptions): HostArray {
  if (ArrayBuffer.isView(data)) {
    const dtype = options.dtype ?? dtypeOf(data)
    const values = dtype === dtypeOf(data) ? data : typedArrayFrom(dtype, data)
    return hostArray(values, options.shape ?? [data.length], dtype)
  }
  if (typeof data === 'object' && isHostArray(data)) {
    const dtype = options.dtype ?? data.dtype
    const values = dtype === data.dtype ? data.data : typedArrayFrom(dtype, data.data)
    return hostArray(values, options.shape ?? data.shape, dtype)
  }
  const shape = nestedShape(data)
  const flat: (number | boolean)[] = []
  flattenNested(data, shape, flat)
  const dtype = options.dtype ?? (typeof flat[0] === 'boolean' ? 'bool' : 'float32')
  return hostArray(typedArrayFrom(dtype, flat), options.shape ?? shape, dtype)
}

/** @throws {DtypeError} for a number that an integer or bool dtype cannot hold: it would be changed silently. */
function requireHolds(dtype: Dtype, value: number): void {
  if (isFloat(dtype) || typedArrayFrom(dtype, [value])[0] === value) return
  throw new DtypeError({
    operation: 'number operand',
    rule: 'a number takes the dtype of the tensor beside it and must be a value of it',
    found: `${value} beside ${dtype}`,
    remedy: 'Convert the tensor with convert(x, dtype)',
  })
}

/**
 * A number as a scalar of the dtype and on the backend of `like`; a literal while tracing.
 * @throws {DtypeError} for a number that the dtype cannot hold, as 0.5 beside int32.
 */
export function scalarLike(value: number, like: Tensor): Tensor {
  const { dtype } = like
  requireHolds(dtype, value)
  if (currentTrace() !== undefined) return applyPrimitive('fill', [], { shape: [], dtype, value })[0]
  return tensor(value, { dtype, backend: like.backend })
}

/** Every element equal to `value`. */
export const full = (shape: Shape, value: number, dtype: Dtype = 'float32'): Tensor =>
  applyPrimitive('fill', [], { shape, dtype, value })[0]
/** All zeros. */
export const zeros = (shape: Shape, dtype: Dtype = 'float32'): Tensor => full(shape, 0, dtype)
/** All ones. */
export const ones = (shape: Shape, dtype: Dtype = 'float32'): Tensor => full(shape, 1, dtype)
/** Zeros of the same type as `x`. */
export const zerosLike = (x: Tensor): Tensor => zeros(x.shape, x.dtype)
/** Ones of the same type as `x`. */
export const onesLike = (x: Tensor): Tensor => ones(x.shape, x.dtype)
/** The index along `axis` at every position. */
export const iota = (shape: Shape, axis = 0, dtype: Dtype = 'float32'): Tensor =>
  applyPrimitive('iota', [], { shape, dtype, axis })[0]
