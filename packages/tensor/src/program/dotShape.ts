/**
 * Axes of a general product. Every axis of an operand is batch, contracted or free; the result has the batch
 * axes in the order given, then the free axes of the left, then those of the right operand:
 *   out[b…, i…, j…] = Σ_k lhs[b…, i…, k…] · rhs[b…, j…, k…]
 * (the axis order within each operand is arbitrary: transposed operands need no copy).
 */
import { ShapeError } from '../errors.ts'
import type { Shape } from '../shape.ts'
import { formatShape } from '../shape.ts'
import type { DotAxes } from './primitive.ts'

/** Axes of an operand of the given rank that are neither batch nor contracted, in order. */
export const freeAxes = (rank: number, batch: readonly number[], contract: readonly number[]): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter(
    (axis) => !batch.includes(axis) && !contract.includes(axis),
  )

const distinctAxes = (axes: readonly number[], rank: number): boolean =>
  axes.every((axis, i) => Number.isInteger(axis) && axis >= 0 && axis < rank && axes.indexOf(axis) === i)

/** @throws {ShapeError} unless paired axes exist, are distinct and have equal extents. */
export function dotShape(lhs: Shape, rhs: Shape, axes: DotAxes): Shape {
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = axes
  const text = `${formatShape(lhs)} and ${formatShape(rhs)}, batch ${formatShape(lhsBatch)}/${formatShape(rhsBatch)}, contracted ${formatShape(lhsContract)}/${formatShape(rhsContract)}`
  const fail = (rule: string): never => {
    throw new ShapeError({ operation: 'dot', rule, found: text })
  }
  if (lhsBatch.length !== rhsBatch.length) fail('batch axes must pair up')
  if (lhsContract.length !== rhsContract.length) fail('contracted axes must pair up')
  if (!distinctAxes([...lhsBatch, ...lhsContract], lhs.length))
    fail('axes of the left operand must exist and be distinct')
  if (!distinctAxes([...rhsBatch, ...rhsContract], rhs.length))
    fail('axes of the right operand must exist and be distinct')
  lhsBatch.forEach(
    (axis, i) => lhs[axis] === rhs[rhsBatch[i]] || fail('paired batch axes must have equal extents'),
  )
  lhsContract.forEach(
    (axis, i) => lhs[axis] === rhs[rhsContract[i]] || fail('contracted axes must have equal extents'),
  )
  return [
    ...lhsBatch.map((axis) => lhs[axis]),
    ...freeAxes(lhs.length, lhsBatch, lhsContract).map((axis) => lhs[axis]),
    ...freeAxes(rhs.length, rhsBatch, rhsContract).map((axis) => rhs[axis]),
  ]
}
