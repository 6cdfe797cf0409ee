/**
 * Groups → kernels: the outputs that something reads become stores, domains become canonical, storages become
 * buffers. Only one rule is not bookkeeping: the first store of a product must have its dtype and unit stride
 * along columns, so that a backend can keep partial sums in it; where no store has, the raw product is stored.
 */
import type { Expression, Leaf, Storage } from './expression.ts'
import { leavesOf } from './expression.ts'
import type { CanonicalDomain } from './domain.ts'
import { canonicalDomain } from './domain.ts'
import type { Group, GroupOutput } from './groupSteps.ts'
import type {
  Block,
  BufferIndex,
  DotKernel,
  DotOperand,
  Kernel,
  ReduceKernel,
  ScalarNode,
  Store,
  StoredOperand,
  View,
} from './kernel.ts'
import { ScalarNodes } from './scalarNodes.ts'
import type { DotStep, ReduceStep, RootStep } from './step.ts'
import { wholeLeaf } from './step.ts'
import { denseView } from './view.ts'

/** A group whose outputs are those that are stored. */
export interface LiveGroup {
  readonly group: Group
  readonly outputs: readonly GroupOutput[]
}

type BufferOf = (storage: Storage) => BufferIndex

/** The raw result of a root as an output of its group. */
export function rawOutput(group: Group, result: Storage): GroupOutput {
  const view = denseView(group.domain)
  return { expression: { ...wholeLeaf(result), view }, target: { storage: result, view } }
}

/** True if a product may accumulate in the place where this output is stored. */
const holdsPartialSums = ({ columns, result }: DotStep, { target }: GroupOutput): boolean =>
  target.storage.dtype === result.dtype && (columns === 1 || target.view.strides[2] === 1)

/** The stored outputs of a product, one fit for partial sums first. */
export function dotOutputs(group: Group, root: DotStep, outputs: readonly GroupOutput[]): GroupOutput[] {
  const first = outputs.find((output) => holdsPartialSums(root, output)) ?? rawOutput(group, root.result)
  return [first, ...outputs.filter((output) => output !== first)]
}

export function groupKernel({ group, outputs }: LiveGroup, bufferOf: BufferOf): Kernel {
  const { root } = group
  if (root === undefined) return mapKernel(group, outputs, bufferOf)
  switch (root.kind) {
    case 'reduce':
      return reduceKernel(group, root, outputs, bufferOf)
    case 'dot':
      return dotKernel(group, root, outputs, bufferOf)
    case 'gather':
    case 'scatterAdd':
    case 'randomBits':
      return indexedKernel(root, bufferOf)
  }
}

/** Views of everything the expressions read, following what the group computes itself. */
export function viewsRead(expressions: readonly Expression[], internal: Group['internal']): View[] {
  const views: View[] = []
  const seen = new Set<Expression>()
  const visit = (node: Expression): void => {
    if (seen.has(node)) return
    seen.add(node)
    if (node.kind === 'apply') node.operands.forEach(visit)
    else if (node.kind === 'index') views.push(node.view)
    else if (node.kind === 'leaf') {
      if (!internal.has(node.storage)) views.push(node.view)
      const own = internal.get(node.storage)
      if (own !== undefined) visit(own)
    }
  }
  expressions.forEach(visit)
  return views
}

const mover =
  ({ move }: CanonicalDomain) =>
  ({ offset, strides }: View): View => ({ offset, strides: move(strides) })

/** Expressions and stores of a group over one domain. */
function storedNodes(
  internal: Group['internal'],
  outputs: readonly GroupOutput[],
  bufferOf: BufferOf,
  move: (view: View) => View,
): { nodes: readonly ScalarNode[]; stores: readonly Store[] } {
  const scalar = new ScalarNodes(internal, bufferOf, move)
  const stores = outputs.map(({ expression, target }) => ({
    node: scalar.add(expression),
    buffer: bufferOf(target.storage),
    view: move(target.view),
  }))
  return { nodes: scalar.nodes, stores }
}

function mapKernel({ domain, internal }: Group, outputs: readonly GroupOutput[], bufferOf: BufferOf): Kernel {
  const guides = outputs.map(({ target }) => target.view)
  const reads = viewsRead(
    outputs.map(({ expression }) => expression),
    internal,
  )
  const strides = (views: readonly View[]): (readonly number[])[] => views.map((view) => view.strides)
  const canonical = canonicalDomain(domain, strides([...guides, ...reads]), strides(guides))
  const { nodes, stores } = storedNodes(internal, outputs, bufferOf, mover(canonical))
  return { kind: 'map', domain: canonical.domain, nodes, stores }
}

const noneInternal: Group['internal'] = new Map()

function reduceKernel(
  { internal }: Group,
  root: ReduceStep,
  outputs: readonly GroupOutput[],
  bufferOf: BufferOf,
): ReduceKernel {
  const rank = root.kept.length
  const keptPart = ({ strides }: View): readonly number[] => strides.slice(0, rank)
  const reducedPart = ({ strides }: View): readonly number[] => strides.slice(rank)
  const prologue = viewsRead([root.operand], noneInternal)
  const epilogue = viewsRead(
    outputs.map(({ expression }) => expression),
    internal,
  )
  const stored = outputs.map(({ target }) => target.view.strides)
  const keptViews = [...stored, ...epilogue.map((view) => view.strides), ...prologue.map(keptPart)]
  const kept = canonicalDomain(root.kept, keptViews, stored)
  const reducedViews = prologue.map(reducedPart)
  const reduced: CanonicalDomain =
    root.reducer === 'argMax'
      ? { domain: root.reduced, move: (strides) => [...strides] }
      : canonicalDomain(root.reduced, reducedViews, largestFirst(root.operand).map(reducedPart))
  const scalar = new ScalarNodes(noneInternal, bufferOf, (view) => ({
    offset: view.offset,
    strides: [...kept.move(keptPart(view)), ...reduced.move(reducedPart(view))],
  }))
  const operand = scalar.add(root.operand)
  const { nodes, stores } = storedNodes(internal, outputs, bufferOf, mover(kept))
  return {
    kind: 'reduce',
    reducer: root.reducer,
    kept: kept.domain,
    reduced: reduced.domain,
    nodes: scalar.nodes,
    operand,
    epilogue: nodes,
    stores,
  }
}

/** Views of an expression's reads, those of the largest storages first: they decide the order of traversal. */
const largestFirst = (expression: Expression): View[] =>
  leavesOf([expression])
    .sort((a, b) => sizeOfStorage(b) - sizeOfStorage(a))
    .map((leaf) => leaf.view)

const sizeOfStorage = ({ storage }: Leaf): number =>
  storage.shape.reduce((product, extent) => product * extent, 1)

function dotKernel(
  { internal }: Group,
  root: DotStep,
  outputs: readonly GroupOutput[],
  bufferOf: BufferOf,
): DotKernel {
  const stored = ({ storage, view }: Leaf): StoredOperand => ({ buffer: bufferOf(storage), view })
  const operand = (expression: Expression): DotOperand => {
    if (expression.kind === 'leaf') return { kind: 'load', ...stored(expression) }
    const scalar = new ScalarNodes(noneInternal, bufferOf, (view) => view)
    const position = scalar.add(expression)
    return { kind: 'prologue', nodes: scalar.nodes, operand: position }
  }
  const { nodes, stores } = storedNodes(internal, outputs, bufferOf, (view) => view)
  const { batch, rows, columns, depth, accumulator, result } = root
  return {
    kind: 'dot',
    batch,
    rows,
    columns,
    depth,
    dtype: result.dtype,
    lhs: operand(root.lhs),
    rhs: operand(root.rhs),
    ...(accumulator === undefined ? {} : { accumulator: stored(accumulator) }),
    epilogue: nodes,
    stores,
  }
}

function indexedKernel(root: Exclude<RootStep, ReduceStep | DotStep>, bufferOf: BufferOf): Kernel {
  const block = ({ storage, view }: Leaf): Block => ({ buffer: bufferOf(storage), offset: view.offset })
  const output: Block = { buffer: bufferOf(root.result), offset: 0 }
  if (root.kind === 'randomBits') {
    const count = root.result.shape.reduce((product, extent) => product * extent, 1)
    return { kind: 'randomBits', count, key: block(root.key), output }
  }
  const { outer, extent, count, inner, result } = root
  const common = {
    dtype: result.dtype,
    outer,
    extent,
    count,
    inner,
    operand: block(root.operand),
    indices: block(root.indices),
    output,
  }
  return root.kind === 'gather'
    ? { kind: 'gather', ...common }
    : { kind: 'scatterAdd', ...common, updates: block(root.updates) }
}
