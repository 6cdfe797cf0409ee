/**
 * Shapes, strides and the arithmetic on them. A shape is a readonly list of non-negative extents, outermost
 * first; `[]` is a scalar. Storage is dense and row-major: the last axis varies fastest.
 */
import { ArgumentError, ShapeError } from './errors.ts'

export type Shape = readonly number[]

/** Number of elements; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1)

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis])

/** `[2×3]` style text used in every message: `[]` for a scalar. */
export const formatShape = (shape: Shape): string => `[${shape.join(',')}]`

/** @throws {ShapeError} unless every extent is a non-negative safe integer. */
export function requireShape(operation: string, shape: Shape): void {
  if (shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) return
  throw new ShapeError({
    operation,
    rule: 'every extent of a shape must be a non-negative integer',
    found: formatShape(shape),
  })
}

/**
 * The shape both operands broadcast to, by NumPy's rule: align at the last axis, an extent of 1 stretches.
 * @throws {ShapeError} if two aligned extents differ and neither is 1.
 */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  const result = new Array<number>(rank)
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1
    const right = b[axis - rank + b.length] ?? 1
    if (left !== right && left !== 1 && right !== 1) {
      throw new ShapeError({
        operation,
        rule: 'shapes must be equal or broadcast, aligned at the last axis, where an extent is 1',
        found: `${formatShape(a)} and ${formatShape(b)}`,
        remedy: 'Reshape one operand so that the extents agree or are 1',
      })
    }
    result[axis] = left === 1 ? right : left
  }
  return result
}

/**
 * Axis counted from the front; negative axes count from the back.
 * @throws {ArgumentError} if the axis does not exist.
 */
export function normalizeAxis(operation: string, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis
  if (Number.isInteger(normalized) && normalized >= 0 && normalized < rank) return normalized
  throw new ArgumentError({
    operation,
    rule: `an axis of a rank-${rank} tensor must be an integer in [${-rank}, ${rank - 1}]`,
    found: String(axis),
  })
}

/**
 * Sorted, distinct axes counted from the front; `undefined` means all axes.
 * @throws {ArgumentError} if an axis does not exist or is named twice.
 */
export function normalizeAxes(
  operation: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis)
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(operation, axis, rank))
  const sorted = [...list].sort((a, b) => a - b)
  const repeated = sorted.find((axis, i) => i > 0 && axis === sorted[i - 1])
  if (repeated !== undefined) {
    throw new ArgumentError({ operation, rule: 'axes must be distinct', found: `axis ${repeated} twice` })
  }
  return sorted
}

/** The shape without the given axes. */
export const withoutAxes = (shape: Shape, axes: readonly number[]): number[] =>
  shape.filter((_, axis) => !axes.includes(axis))

/** The shape with the given axes set to 1. */
export const keepingAxes = (shape: Shape, axes: readonly number[]): number[] =>
  shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))

/** `permutation` undone: `inverse[permutation[i]] = i`. */
export function inversePermutation(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length)
  permutation.forEach((axis, i) => (inverse[axis] = i))
  return inverse
}
