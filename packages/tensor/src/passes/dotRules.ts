/**
 * Rules of products. Transposition is a renaming of axes; sums of products accumulate; a product without free
 * or batch axes is an inner product, which is a reduction and no matrix product:
 *   Σ a[k]·b[k],   transpose(a·b) → bᵀ·aᵀ,   a·V + b·W → dot(b, W, dot(a, V)).
 * Accumulation changes the order in which floats are added, nothing else.
 */
import { freeAxes } from '../program/dotShape.ts'
import type { DotAxes } from '../program/primitive.ts'
import { isElementwise, noParameters } from '../program/primitive.ts'
import type { EquationOf, Value } from '../program/program.ts'
import { sameShape } from '../shape.ts'
import type { RewriteContext, RewriteRule, RewriteRules } from './rewriteProgram.ts'

/** How far back `accumulates` follows a chain of element-wise equations. */
const longestChain = 8

const innerProduct: RewriteRule<'dot'> = ({ inputs, parameters }, context) => {
  const { lhsContract, rhsContract } = parameters
  const [lhs, rhs, accumulator] = inputs
  if (lhsContract.length !== lhs.shape.length || rhsContract.length !== rhs.shape.length) return undefined
  const permutation = lhs.shape.map((_, axis) => rhsContract[lhsContract.indexOf(axis)])
  const aligned = context.emit('transpose', [rhs], { permutation })
  const products = context.emit('multiply', [lhs, aligned], noParameters)
  const sum = context.emit('reduceSum', [products], { axes: lhs.shape.map((_, axis) => axis) })
  return accumulator === undefined ? sum : context.emit('add', [sum, accumulator], noParameters)
}

/** dot of a transposed operand → dot of the operand with other axes, where its free axes keep their order. */
const dotOfTranspose =
  (side: 'lhs' | 'rhs'): RewriteRule<'dot'> =>
  ({ inputs, parameters }, context) => {
    const position = side === 'lhs' ? 0 : 1
    const operand = inputs[position]
    const inner = context.match(operand, 'transpose')
    if (inner === undefined) return undefined
    const { permutation } = inner.parameters
    const batch = side === 'lhs' ? parameters.lhsBatch : parameters.rhsBatch
    const contract = side === 'lhs' ? parameters.lhsContract : parameters.rhsContract
    const free = freeAxes(operand.shape.length, batch, contract).map((axis) => permutation[axis])
    if (free.some((axis, i) => i > 0 && axis < free[i - 1])) return undefined
    const rename = (axes: readonly number[]): number[] => axes.map((axis) => permutation[axis])
    const axes: DotAxes =
      side === 'lhs'
        ? { ...parameters, lhsBatch: rename(batch), lhsContract: rename(contract) }
        : { ...parameters, rhsBatch: rename(batch), rhsContract: rename(contract) }
    const operands = inputs.map((input, i) => (i === position ? inner.inputs[0] : input))
    return context.emit('dot', operands, axes)
  }

/** transpose(dot(a, b)) that exchanges the free axes of a and b → dot(b, a). */
const transposeOfDot: RewriteRule<'transpose'> = ({ inputs: [x], parameters }, context) => {
  const dot = context.match(x, 'dot')
  if (dot === undefined || dot.inputs.length === 3 || context.uses(x) > 1) return undefined
  const [lhs, rhs] = dot.inputs
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = dot.parameters
  const batch = lhsBatch.length
  const left = lhs.shape.length - batch - lhsContract.length
  const rank = x.shape.length
  const exchanged = Array.from({ length: rank }, (_, axis) => {
    if (axis < batch) return axis
    return axis < rank - left ? axis + left : axis - (rank - left) + batch
  })
  if (!sameShape(exchanged, parameters.permutation)) return undefined
  return context.emit('dot', [rhs, lhs], {
    lhsBatch: rhsBatch,
    rhsBatch: lhsBatch,
    lhsContract: rhsContract,
    rhsContract: lhsContract,
  })
}

/** The defining product of a value that nothing else reads. */
function ownDot(value: Value, context: RewriteContext): EquationOf<'dot'> | undefined {
  const dot = context.match(value, 'dot')
  return dot !== undefined && context.uses(value) === 1 ? dot : undefined
}

/** True if the value comes out of a product's kernel, as its result or through an epilogue. */
function accumulates(value: Value, context: RewriteContext, depth = 0): boolean {
  const equation = context.definition(value)
  if (equation === undefined || context.uses(value) > 1 || depth > longestChain) return false
  if (equation.primitive === 'dot') return true
  return (
    isElementwise(equation.primitive) &&
    equation.inputs.some(
      (input) => sameShape(input.shape, value.shape) && accumulates(input, context, depth + 1),
    )
  )
}

/** sum + a·b → dot(a, b, sum), and sum + dot(a, b, c) → dot(a, b, sum + c), for a sum that is a product too. */
const accumulate: RewriteRule<'add'> = ({ inputs: [a, b] }, context) => {
  for (const [sum, product] of [
    [a, b],
    [b, a],
  ]) {
    const dot = ownDot(product, context)
    if (dot === undefined || a === b || !accumulates(sum, context)) continue
    const [lhs, rhs, accumulator] = dot.inputs
    const start = accumulator === undefined ? sum : context.emit('add', [sum, accumulator], noParameters)
    return context.emit('dot', [lhs, rhs, start], dot.parameters)
  }
  return undefined
}

export const dotRules: RewriteRules = {
  dot: [innerProduct, dotOfTranspose('lhs'), dotOfTranspose('rhs')],
  transpose: [transposeOfDot],
  add: [accumulate],
}
