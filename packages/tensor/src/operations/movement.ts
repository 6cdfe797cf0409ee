/**
 * Operations that move elements without computing: reshape, transpose, broadcast, slice, pad, concatenate,
 * gather and its adjoint scatterAdd. Most never copy: passes fold them into the views of their consumers.
 */
import { ArgumentError, ShapeError } from '../errors.ts'
import { applyPrimitive } from '../execution.ts'
import type { Shape } from '../shape.ts'
import { broadcastShapes, formatShape, normalizeAxis, sameShape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { stretch } from './lift.ts'

/**
 * The same elements in another shape; one extent may be −1 and is then inferred.
 * @throws {ShapeError} if the number of elements differs.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = sizeOf(shape.filter((extent) => extent !== -1))
  const inferred = shape.map((extent) => (extent === -1 ? Math.floor(x.size / Math.max(1, known)) : extent))
  if (sameShape(inferred, x.shape)) return x
  return applyPrimitive('reshape', [x], { shape: inferred })[0]
}

/** Output axis i is input axis `permutation[i]`; by default the axes are reversed. @throws {ShapeError} */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const axes = permutation ?? x.shape.map((_, axis) => x.rank - 1 - axis)
  const normalized = axes.map((axis) => normalizeAxis('transpose', axis, x.rank))
  if (normalized.length === x.rank && normalized.every((axis, i) => axis === i)) return x
  return applyPrimitive('transpose', [x], { permutation: normalized })[0]
}

/** Stretches to `shape` by NumPy's rule. @throws {ShapeError} if that is not possible. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (!sameShape(broadcastShapes('broadcastTo', x.shape, shape), shape)) {
    throw new ShapeError({
      operation: 'broadcastTo',
      rule: 'the operand must stretch to the shape',
      found: `${formatShape(x.shape)} to ${formatShape(shape)}`,
    })
  }
  return stretch(x, shape)
}

/** Elements start, start + stride, … below limit on the leading axes given; later axes whole. @throws {ShapeError} */
export function slice(
  x: Tensor,
  starts: readonly number[],
  limits: readonly number[],
  strides: readonly number[] = [],
): Tensor {
  return applyPrimitive('slice', [x], {
    starts: x.shape.map((_, axis) => starts[axis] ?? 0),
    limits: x.shape.map((extent, axis) => limits[axis] ?? extent),
    strides: x.shape.map((_, axis) => strides[axis] ?? 1),
  })[0]
}

/** Zeros around (`low`, `high`) and between (`interior`) the elements of every axis. @throws {ShapeError} */
export function pad(
  x: Tensor,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = x.shape.map(() => 0),
): Tensor {
  return applyPrimitive('pad', [x], { low, high, interior })[0]
}

/** Joins along an existing axis. @throws {ShapeError} unless the other extents agree. */
export function concatenate(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors
  if (first === undefined) {
    throw new ArgumentError({ operation: 'concatenate', rule: 'takes at least one operand', found: '0' })
  }
  return applyPrimitive('concatenate', tensors, { axis: normalizeAxis('concatenate', axis, first.rank) })[0]
}

/** Elements at `indices` (int32 vector) along an axis; indices clamp to the axis. @throws {DtypeError} */
export const gather = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  applyPrimitive('gather', [x, indices], { axis: normalizeAxis('gather', axis, x.rank) })[0]

/** x with `updates` added at `indices` along an axis, in order; the adjoint of `gather`. @throws {ShapeError} */
export const scatterAdd = (x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor =>
  applyPrimitive('scatterAdd', [x, indices, updates], { axis: normalizeAxis('scatterAdd', axis, x.rank) })[0]
