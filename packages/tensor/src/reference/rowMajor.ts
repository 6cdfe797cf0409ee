/**
 * Walking dense row-major arrays index by index: position = Σ_a stride[a] · index[a]. Slow and plain, which is
 * the point of the reference backend.
 */
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'

/** Calls `visit` with every index of the shape in row-major order; the index array is reused between calls. */
export function forEachIndex(
  shape: Shape,
  visit: (index: readonly number[], position: number) => void,
): void {
  const index = shape.map(() => 0)
  const size = sizeOf(shape)
  for (let position = 0; position < size; position++) {
    visit(index, position)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break
      index[axis] = 0
    }
  }
}

/** offset + Σ strides · index. */
export function positionAt(index: readonly number[], strides: readonly number[], offset = 0): number {
  let position = offset
  for (let axis = 0; axis < index.length; axis++) position += strides[axis] * index[axis]
  return position
}

export const clamp = (value: number, least: number, greatest: number): number =>
  Math.min(greatest, Math.max(least, value))
