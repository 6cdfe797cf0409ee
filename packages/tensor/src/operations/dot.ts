/**
 * Products. `dot` is the matrix product of two tensors; `dotGeneral` names batch and contracted axes and takes
 * an accumulator; `outer` is the product of every pair.
 */
import { ShapeError } from '../errors.ts'
import { applyPrimitive } from '../execution.ts'
import type { DotAxes } from '../program/primitive.ts'
import { formatShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

/**
 * Σ_k a[…, k] · b[k, …]: the last axis of `a` with the first of `b`, for any ranks ≥ 1. For matrices this is
 * the matrix product, for two vectors the inner product.
 * @throws {ShapeError} unless those extents agree.
 */
export function dot(a: Tensor, b: Tensor): Tensor {
  if (a.rank === 0 || b.rank === 0 || a.shape[a.rank - 1] !== b.shape[0]) {
    throw new ShapeError({
      operation: 'dot',
      rule: 'the last axis of the left operand must equal the first axis of the right one',
      found: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      remedy: 'Transpose one of them, or name the axes with dotGeneral',
    })
  }
  return dotGeneral(a, b, { lhsContract: [a.rank - 1], rhsContract: [0] })
}

/**
 * accumulator + Σ lhs · rhs over the contracted axes. Result axes: batch, free axes of `lhs`, free axes of `rhs`.
 * @throws {ShapeError} unless paired axes agree and the accumulator has the result's shape.
 */
export function dotGeneral(lhs: Tensor, rhs: Tensor, axes: Partial<DotAxes>, accumulator?: Tensor): Tensor {
  const { lhsBatch = [], rhsBatch = [], lhsContract = [], rhsContract = [] } = axes
  const operands = accumulator === undefined ? [lhs, rhs] : [lhs, rhs, accumulator]
  return applyPrimitive('dot', operands, { lhsBatch, rhsBatch, lhsContract, rhsContract })[0]
}

/** a[i…] · b[j…] for every pair of indices. */
export const outer = (a: Tensor, b: Tensor): Tensor => dotGeneral(a, b, {})
