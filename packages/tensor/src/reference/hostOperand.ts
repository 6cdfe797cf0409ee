/**
 * Dense host arrays with their types, and walking their indices: what the reference evaluation is written with.
 */
import type { TypedArray } from '../dtype.ts'
import { typedArray } from '../dtype.ts'
import type { TensorType } from '../program/program.ts'
import type { Shape } from '../shape.ts'
import { sizeOf, stridesOf } from '../shape.ts'

export interface HostOperand extends TensorType {
  readonly data: TypedArray
}

export const emptyResult = (type: TensorType): HostOperand => ({
  shape: type.shape,
  dtype: type.dtype,
  data: typedArray(type.dtype, sizeOf(type.shape)),
})

/** Calls `visit` with every index of the shape, row-major; the index array is reused. */
export function forEachIndex(
  shape: Shape,
  visit: (index: readonly number[], position: number) => void,
): void {
  const size = sizeOf(shape)
  const index = new Array<number>(shape.length).fill(0)
  for (let position = 0; position < size; position++) {
    visit(index, position)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break
      index[axis] = 0
    }
  }
}

/** A function from an index to the position of its element. */
export function positionIn(shape: Shape): (index: readonly number[]) => number {
  const strides = stridesOf(shape)
  return (index) => strides.reduce((position, stride, axis) => position + stride * index[axis], 0)
}
