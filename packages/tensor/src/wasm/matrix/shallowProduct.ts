/**
 * A product of a few terms, C = epilogue((acc +) a₁b₁ᵀ + … + a_d b_dᵀ), as one element-wise loop over C: there is nothing
 * to reuse that a register does not hold, so that panels would only be written and read once more. The terms are added
 * first to last, each multiplied and added with two roundings; the accumulator comes last, as in every other way.
 */
import type { DotKernel, LoadedOperand, MapKernel, ScalarNode } from '../../kernel/kernel.ts'
import { mapStages } from '../loops/loopKernel.ts'
import type { Stage, StageContext } from '../stage.ts'

/**
 * Heuristic: with more terms the micro-kernel, which loads less for each multiplication, comes near. Measured on V8 11,
 * 512×1000 results, microseconds in panels and here: 2 terms 175 and 115, 4 terms 317 and 192, 8 terms 351 and 291.
 */
const fewTerms = 4

interface ShallowProduct extends DotKernel {
  readonly lhs: LoadedOperand
  readonly rhs: LoadedOperand
}

export const isShallow = (kernel: DotKernel): kernel is ShallowProduct =>
  kernel.depth <= fewTerms && kernel.lhs.kind === 'load' && kernel.rhs.kind === 'load'

/** The product as a map kernel over [batch, rows, columns]. */
function shallowMap(kernel: ShallowProduct): MapKernel {
  const { batch, rows, columns, depth, dtype, lhs, rhs, accumulator, epilogue, stores } = kernel
  const nodes: ScalarNode[] = []
  const add = (node: ScalarNode): number => nodes.push(node) - 1
  const apply = (primitive: 'multiply' | 'add', ...operands: readonly number[]): number =>
    add({ kind: 'apply', primitive, operands, dtype })
  const load = ({ buffer, view }: Omit<LoadedOperand, 'kind'>): number =>
    add({ kind: 'load', buffer, view, dtype })

  const terms = Array.from({ length: depth }, (_, k) => {
    const [leftBatch, row, leftStep] = lhs.view.strides
    const [rightBatch, rightStep, column] = rhs.view.strides
    const left = { offset: lhs.view.offset + k * leftStep, strides: [leftBatch, row, 0] }
    const right = { offset: rhs.view.offset + k * rightStep, strides: [rightBatch, 0, column] }
    return apply(
      'multiply',
      load({ buffer: lhs.buffer, view: left }),
      load({ buffer: rhs.buffer, view: right }),
    )
  })
  // From +0, as in every other way: −0 alone would stay −0.
  const zero = add({ kind: 'constant', value: 0, dtype })
  const sum = terms.reduce((total, term) => apply('add', total, term), zero)
  const result = accumulator === undefined ? sum : apply('add', sum, load(accumulator))
  const positions: number[] = []
  for (const node of epilogue) {
    const moved =
      node.kind === 'apply' ? { ...node, operands: node.operands.map((each) => positions[each]) } : node
    positions.push(node.kind === 'result' ? result : add(moved))
  }
  return {
    kind: 'map',
    domain: [batch, rows, columns],
    nodes,
    stores: stores.map((store) => ({ ...store, node: positions[store.node] })),
  }
}

export const shallowStages = (context: StageContext, kernel: ShallowProduct): Stage[] =>
  mapStages(context, shallowMap(kernel))
