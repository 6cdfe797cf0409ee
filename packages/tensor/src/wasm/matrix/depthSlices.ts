/**
 * Deep products with few results: the depth is cut into slices of one size, each slice is a product of its own whose result
 * goes to scratch memory, and the results are added in order,
 *   C = epilogue(acc + Σ_s A[:, s] · B[s, :]).
 * So threads share what would be a few units of work. The slices depend on the shape alone: the sum is the same for
 * any number of threads.
 */
import type { DotKernel, DotOperand, ReduceKernel, ScalarNode, View } from '../../kernel/kernel.ts'
import { denseView } from '../../kernel/view.ts'
import { reduceStages } from '../reductions/reductionKernel.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { mapOperand, scratchBuffer } from './operandViews.ts'

/** Heuristic: with so many results or more, threads share those. */
const fewResults = 1024

/** Heuristic: a slice is worth a thread's while; a multiple of the blocks along the depth. */
const leastSlice = 1280

/** More slices would only make more results to add. */
const mostSlices = 64

export const isDeep = ({ batch, rows, columns, depth }: DotKernel): boolean =>
  batch === 1 && rows * columns < fewResults && depth >= 4 * leastSlice

/** The operand as a batch of slices, `count` of them, from slice `first` on. */
const sliced = (operand: DotOperand, axis: 1 | 2, slice: number, first: number): DotOperand =>
  mapOperand(operand, ({ offset, strides }: View) => ({
    offset: offset + first * slice * strides[axis],
    strides: [slice * strides[axis], strides[1], strides[2]],
  }))

/** `stagesOf` gives the stages of the products of slices. @throws {DtypeError} for float64. */
export function deepStages(
  context: StageContext,
  kernel: DotKernel,
  stagesOf: (context: StageContext, kernel: DotKernel) => Stage[],
): Stage[] {
  const { rows, columns, depth, dtype, lhs, rhs } = kernel
  const slice = Math.max(leastSlice, 8 * Math.ceil(depth / mostSlices / 8))
  const whole = Math.floor(depth / slice)
  const rest = depth - whole * slice
  const slices = whole + (rest > 0 ? 1 : 0)
  const { context: wider, buffer } = scratchBuffer(context, slices * rows * columns)
  const product = (first: number, count: number, sliceDepth: number): Stage[] =>
    stagesOf(wider, {
      kind: 'dot',
      ...{ batch: count, rows, columns, depth: sliceDepth, dtype },
      lhs: sliced(lhs, 2, slice, first),
      rhs: sliced(rhs, 1, slice, first),
      epilogue: [{ kind: 'result', dtype }],
      stores: [{ node: 0, buffer, view: denseView([count, rows, columns], first * rows * columns) }],
    })
  return [
    ...product(0, whole, slice),
    ...(rest > 0 ? product(whole, 1, rest) : []),
    ...meetFirst(reduceStages(wider, sumOfSlices(kernel, buffer, slices))),
  ]
}

/** epilogue(acc + Σ_s partial[s]) as a reduction. */
function sumOfSlices(kernel: DotKernel, buffer: number, slices: number): ReduceKernel {
  const { rows, columns, dtype, accumulator, epilogue, stores } = kernel
  const withoutBatch = ({ offset, strides }: View): View => ({ offset, strides: strides.slice(1) })
  const sum: ScalarNode[] =
    accumulator === undefined
      ? [{ kind: 'result', dtype }]
      : [
          { kind: 'result', dtype },
          { kind: 'load', buffer: accumulator.buffer, view: withoutBatch(accumulator.view), dtype },
          { kind: 'apply', primitive: 'add', operands: [0, 1], dtype },
        ]
  /** Where each node of the epilogue stands in the list of nodes; the result is the sum with the accumulator. */
  const positions: number[] = []
  const nodes = [...sum]
  for (const node of epilogue) {
    if (node.kind === 'result') {
      positions.push(sum.length - 1)
      continue
    }
    positions.push(nodes.length)
    nodes.push(
      node.kind === 'apply'
        ? { ...node, operands: node.operands.map((operand) => positions[operand]) }
        : 'view' in node
          ? { ...node, view: withoutBatch(node.view) }
          : node,
    )
  }
  return {
    kind: 'reduce',
    reducer: 'sum',
    kept: [rows, columns],
    reduced: [slices],
    nodes: [
      {
        kind: 'load',
        buffer,
        view: { offset: 0, strides: [columns, 1, rows * columns] },
        dtype,
      },
    ],
    operand: 0,
    epilogue: nodes,
    stores: stores.map(({ node, buffer: to, view }) => ({
      node: positions[node],
      buffer: to,
      view: withoutBatch(view),
    })),
  }
}
