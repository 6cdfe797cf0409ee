/**
 * A general product as one of the matrices [batch, rows, depth] · [batch, depth, columns]. Each group of axes
 * (batch, free, contracted) must step through memory with a single stride; an operand whose axes do not is
 * copied first. Transposed operands and slices of flat vectors do.
 */
import { freeAxes } from '../program/dotShape.ts'
import type { DotAxes } from '../program/primitive.ts'
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { Expression, Leaf, Storage } from './expression.ts'
import type { View } from './kernel.ts'
import type { DotStep } from './step.ts'
import { denseView, reshapeView, transposeView } from './view.ts'

interface Operand {
  readonly shape: Shape
  readonly leaf: Leaf
}

/** A dense copy of a read over a shape. */
type DenseCopy = (leaf: Leaf, shape: Shape) => Leaf

/** The operand's view over three grouped extents, after a copy if its own memory does not allow that. */
function grouped({ shape, leaf }: Operand, groups: readonly (readonly number[])[], copy: DenseCopy): Leaf {
  const order = groups.flat()
  const permuted = order.map((axis) => shape[axis])
  const extents = groups.map((axes) => sizeOf(axes.map((axis) => shape[axis])))
  const view = transposeView(leaf.view, order)
  const direct = reshapeView(view, permuted, extents)
  if (direct !== undefined) return { ...leaf, view: direct }
  return { ...copy({ ...leaf, view }, permuted), view: denseView(extents) }
}

/** True if the view visits no element twice: something a product can accumulate onto. */
const isWhole = ({ strides }: View, extents: Shape): boolean =>
  extents.every((extent, axis) => extent === 1 || strides[axis] !== 0)

/**
 * The step of a product without empty axes. An accumulator that is a whole array in memory becomes the
 * kernel's; for any other (a broadcast bias, an expression) the step has none and the caller adds it after.
 */
export function dotStep(
  lhs: Operand,
  rhs: Operand,
  { lhsBatch, rhsBatch, lhsContract, rhsContract }: DotAxes,
  accumulator: { readonly shape: Shape; readonly expression: Expression | undefined },
  result: Storage,
  copy: DenseCopy,
): DotStep {
  const lhsFree = freeAxes(lhs.shape.length, lhsBatch, lhsContract)
  const rhsFree = freeAxes(rhs.shape.length, rhsBatch, rhsContract)
  const extent = (shape: Shape, axes: readonly number[]): number => sizeOf(axes.map((axis) => shape[axis]))
  const batch = extent(lhs.shape, lhsBatch)
  const rows = extent(lhs.shape, lhsFree)
  const columns = extent(rhs.shape, rhsFree)
  const depth = extent(lhs.shape, lhsContract)
  return {
    kind: 'dot',
    batch,
    rows,
    columns,
    depth,
    lhs: grouped(lhs, [lhsBatch, lhsFree, lhsContract], copy),
    rhs: grouped(rhs, [rhsBatch, rhsContract, rhsFree], copy),
    accumulator: wholeAccumulator(accumulator, [batch, rows, columns]),
    result,
  }
}

function wholeAccumulator(
  { shape, expression }: { readonly shape: Shape; readonly expression: Expression | undefined },
  extents: Shape,
): Leaf | undefined {
  if (expression?.kind !== 'leaf') return undefined
  const view = reshapeView(expression.view, shape, extents)
  return view !== undefined && isWhole(view, extents) ? { ...expression, view } : undefined
}
