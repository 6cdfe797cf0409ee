/**
 * Element types. `float32` is the working type everywhere; `float64` exists on the reference backend for
 * property tests; `int32`, `uint32` and `bool` carry indices, random bits and masks. A boolean is stored
 * as one 32-bit word (0 or 1) on every backend, because WGSL has no narrower storage type.
 */
import { DtypeError } from './errors.ts'

export type Dtype = 'float32' | 'float64' | 'int32' | 'uint32' | 'bool'

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array

/** The array that holds elements of each type on the host. */
export interface TypedArrayOf {
  readonly float32: Float32Array
  readonly float64: Float64Array
  readonly int32: Int32Array
  readonly uint32: Uint32Array
  readonly bool: Uint32Array
}

export const dtypes: readonly Dtype[] = ['float32', 'float64', 'int32', 'uint32', 'bool']

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Uint32Array,
} as const

/** Bytes of one element. */
export const bytesPerElement: Readonly<Record<Dtype, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  uint32: 4,
  bool: 4,
}

/** A zero-filled host array of `length` elements. */
export function typedArray<D extends Dtype>(dtype: D, length: number): TypedArrayOf[D]
export function typedArray(dtype: Dtype, length: number): TypedArray {
  return new constructors[dtype](length)
}

/** A host array holding `values`; booleans become 0 and 1. */
export function typedArrayFrom(dtype: Dtype, values: ArrayLike<number | boolean>): TypedArray {
  const array = typedArray(dtype, values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    array[i] = dtype === 'bool' ? (value ? 1 : 0) : Number(value)
  }
  return array
}

/** The element type a host array stands for. */
export function dtypeOf(array: TypedArray): Dtype {
  if (array instanceof Float32Array) return 'float32'
  if (array instanceof Float64Array) return 'float64'
  if (array instanceof Int32Array) return 'int32'
  return 'uint32'
}

export const isFloat = (dtype: Dtype): boolean => dtype === 'float32' || dtype === 'float64'
export const isInteger = (dtype: Dtype): boolean => dtype === 'int32' || dtype === 'uint32'

/** @throws {DtypeError} unless both types are equal: the engine never converts silently. */
export function requireSameDtype(operation: string, a: Dtype, b: Dtype): void {
  if (a === b) return
  throw new DtypeError({
    operation,
    rule: 'both operands must have the same dtype',
    found: `${a} and ${b}`,
    remedy: 'Convert one of them with convert(x, dtype)',
  })
}
