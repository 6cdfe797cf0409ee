/**
 * Rewritings of a product that keep its meaning: the epilogue as a kernel of its own, batches that are one taller
 * matrix, accumulators that the product can add.
 */
import type { DotKernel, MapKernel, ScalarNode, View } from '../../kernel/kernel.ts'
import { mapOperand, operandViews } from './operandViews.ts'

/** The epilogue as a kernel of its own over the raw product, which is the node `result`. */
export function epilogueKernel(
  { batch, rows, columns, epilogue, stores }: DotKernel,
  result: ScalarNode,
): MapKernel {
  const nodes = epilogue.map((node): ScalarNode => (node.kind === 'result' ? result : node))
  return { kind: 'map', domain: [batch, rows, columns], nodes, stores }
}

/** The raw product where it stands before a separate epilogue: where the first store goes. */
export const rawResult = ({ stores, dtype }: DotKernel): ScalarNode => {
  const [{ buffer, view }] = stores
  return { kind: 'load', buffer, view, dtype }
}

/** The views over [batch, rows, columns]. */
const resultViews = ({ accumulator, epilogue, stores }: DotKernel): View[] => [
  ...(accumulator === undefined ? [] : [accumulator.view]),
  ...epilogue.flatMap((node) => ('view' in node ? [node.view] : [])),
  ...stores.map(({ view }) => view),
]

/** The kernel with other views over [batch, rows, columns]. */
export const mapResultViews = (kernel: DotKernel, change: (view: View) => View): DotKernel => ({
  ...kernel,
  ...(kernel.accumulator === undefined
    ? {}
    : { accumulator: { ...kernel.accumulator, view: change(kernel.accumulator.view) } }),
  epilogue: kernel.epilogue.map((node) => ('view' in node ? { ...node, view: change(node.view) } : node)),
  stores: kernel.stores.map((store) => ({ ...store, view: change(store.view) })),
})

/** Consecutive matrices that share the right operand are one taller matrix, for the epilogue too. */
export function collapseBatch(kernel: DotKernel): DotKernel {
  const { batch, rows, lhs, rhs } = kernel
  if (batch === 1 || operandViews(rhs).some(({ strides }) => strides[0] !== 0)) return kernel
  const views = [...operandViews(lhs), ...resultViews(kernel)]
  const isTall = ({ strides }: View): boolean => rows === 1 || strides[0] === rows * strides[1]
  if (!views.every(isTall)) return kernel
  const taller = ({ offset, strides }: View): View => ({
    offset,
    strides: [0, rows === 1 ? strides[0] : strides[1], strides[2]],
  })
  return {
    ...mapResultViews(kernel, taller),
    batch: 1,
    rows: batch * rows,
    lhs: mapOperand(lhs, taller),
  }
}

/**
 * The product adds rows of unit stride only. An accumulator that is transposed, or repeated along the columns, is
 * first copied to where the product goes, and added from there.
 */
export function storableAccumulator(kernel: DotKernel): {
  readonly copy?: MapKernel
  readonly kernel: DotKernel
} {
  const { accumulator, batch, rows, columns, dtype, stores } = kernel
  if (accumulator === undefined || columns === 1 || accumulator.view.strides[2] === 1) return { kernel }
  const { buffer, view } = stores[0]
  const copy: MapKernel = {
    kind: 'map',
    domain: [batch, rows, columns],
    nodes: [{ kind: 'load', ...accumulator, dtype }],
    stores: [{ node: 0, buffer, view }],
  }
  return { copy, kernel: { ...kernel, accumulator: { buffer, view } } }
}
