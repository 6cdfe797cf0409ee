/**
 * A dense array on the host: element type, shape and row-major storage. What file readers return, what file
 * writers take, and what a Tensor is made from and read back into; it owns no device memory.
 *
 * Invariant: `data.length` equals the product of the extents, and `data` is the array kind that stands for
 * `dtype`. A boolean is a 0 or 1 in a Uint32Array, so its dtype cannot be told from the array and is given.
 */
import { dtypeOf, typedArray } from './dtype.ts'
import type { Dtype, TypedArray } from './dtype.ts'
import { DtypeError, NumericalError, ShapeError } from './errors.ts'
import { formatShape, requireShape, sizeOf } from './shape.ts'
import type { Shape } from './shape.ts'

export interface HostArray {
  readonly dtype: Dtype
  readonly shape: Shape
  /** Row-major: the last axis varies fastest. */
  readonly data: TypedArray
}

/**
 * A checked host array over `data` (shared, not copied) and a copy of `shape`.
 *
 * @param dtype the element type; by default the one the array kind stands for. Give `bool` for masks.
 * @throws {ShapeError} unless the extents are non-negative integers whose product is `data.length`.
 * @throws {DtypeError} if `data` is not the array kind that holds `dtype`.
 * @throws {NumericalError} if a boolean element is neither 0 nor 1.
 */
export function hostArray(data: TypedArray, shape: Shape, dtype: Dtype = dtypeOf(data)): HostArray {
  requireShape('hostArray', shape)
  if (sizeOf(shape) !== data.length) {
    throw new ShapeError({
      operation: 'hostArray',
      rule: 'the product of the extents must be the number of elements',
      found: `shape ${formatShape(shape)} for ${data.length} elements`,
    })
  }
  const expected = typedArray(dtype, 0)
  if (expected.constructor !== data.constructor) {
    throw new DtypeError({
      operation: 'hostArray',
      rule: `elements of type ${dtype} are held in a ${expected.constructor.name}`,
      found: `a ${data.constructor.name}`,
      remedy: `Convert the elements with ${expected.constructor.name}.from(data)`,
    })
  }
  if (dtype === 'bool') requireBooleans(data)
  return { dtype, shape: [...shape], data }
}

function requireBooleans(data: TypedArray): void {
  const at = data.findIndex((value: number) => value > 1)
  if (at < 0) return
  throw new NumericalError({
    operation: 'hostArray',
    rule: 'a boolean element must be 0 or 1',
    found: `${String(data[at])} at element ${at}`,
  })
}
