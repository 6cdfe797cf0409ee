/**
 * Prologues of products: an array that only one operand of one product reads is not stored, but computed while the
 * operand is packed,
 *   out = Σ_k f(…)[i, k] · rhs[k, j],
 * which saves a store, and a pass over memory where the kernel of f had no other purpose. Packing visits every element
 * once, so nothing is computed twice (where a read repeats elements along rows, columns or depth, only cheap work is).
 *
 * An epilogue is left where it is if it needs a result that nothing else stores: its values are in registers there.
 * The prologue reads what its group stores anyway and computes the rest itself. Runs after grouping, when it is known
 * what is stored and who reads it; kernels may bind more buffers than the grouping allows.
 */
import { canonicalDomain } from './domain.ts'
import type { Expression, Leaf, Storage } from './expression.ts'
import { apply, costOf, expensiveCost, leavesOf, moveExpression, readsOf } from './expression.ts'
import type { LiveGroup } from './groupKernel.ts'
import { dotOutputs, viewsRead } from './groupKernel.ts'
import type { Group, GroupOutput } from './groupSteps.ts'
import type { DotStep } from './step.ts'
import { operandsOf } from './step.ts'
import { broadcastCost } from './storagePolicy.ts'
import { composeWithRead, denseView, sameView } from './view.ts'

type Side = 'lhs' | 'rhs'

/**
 * Counts the places that read each storage from memory or from the group that computes it; program outputs are one. The
 * raw result of a product, reduction or indexed read is a reader of itself where it is stored, so no other reader is
 * ever alone: there is no expression that could compute it elsewhere.
 */
function countReaders(
  groups: readonly LiveGroup[],
  programOutputs: readonly Storage[],
): Map<Storage, number> {
  const counts = new Map<Storage, number>()
  const count = (storage: Storage): void => {
    counts.set(storage, (counts.get(storage) ?? 0) + 1)
  }
  programOutputs.forEach(count)
  for (const { group, outputs } of groups) {
    const seen = new Set<Expression>()
    const visit = (expression: Expression): void => {
      if (seen.has(expression)) return
      seen.add(expression)
      for (const { storage } of leavesOf([expression])) {
        count(storage)
        const own = group.internal.get(storage)
        if (own !== undefined) visit(own)
      }
    }
    for (const { expression } of outputs) visit(expression)
    const { root } = group
    if (root === undefined) continue
    for (const { storage } of operandsOf(root)) count(storage)
    if (root.kind === 'reduce') readsOf(root.operand).forEach(count)
  }
  return counts
}

class PrologueFusion {
  readonly groups: (LiveGroup | undefined)[]
  readonly #readers: ReadonlyMap<Storage, number>
  /** The groups that write each storage, one entry per store. */
  readonly #writers = new Map<Storage, number[]>()

  constructor(groups: readonly LiveGroup[], programOutputs: readonly Storage[]) {
    this.groups = [...groups]
    this.#readers = countReaders(groups, programOutputs)
    groups.forEach(({ outputs }, position) => {
      for (const { target } of outputs) {
        this.#writers.set(target.storage, [...(this.#writers.get(target.storage) ?? []), position])
      }
    })
  }

  /** Gives the product at this position the prologues that it can have. */
  fuse(position: number): void {
    for (const side of ['lhs', 'rhs'] as const) {
      const live = this.groups[position]
      if (live?.group.root?.kind !== 'dot') return
      const { root } = live.group
      const operand = this.#prologue(root, side)
      if (operand === undefined) continue
      this.groups[position] = { ...live, group: { ...live.group, root: { ...root, [side]: operand } } }
    }
  }

  /** What the operand reads, as an expression over its axes; then no longer stored. */
  #prologue(root: DotStep, side: Side): Expression | undefined {
    const read = root[side]
    if (read.kind !== 'leaf' || this.#readers.get(read.storage) !== 1) return undefined
    const writers = this.#writers.get(read.storage) ?? []
    const producer = this.groups[writers[0]]
    if (writers.length !== 1 || producer === undefined) return undefined
    const output = producer.outputs.find(({ target }) => target.storage === read.storage)
    if (output === undefined || !sameView(output.target.view, denseView(producer.group.domain))) {
      return undefined
    }
    const others = otherOutputs(producer, output)
    const own = others && this.#withoutGroup(producer.group, output, others)
    const operand = own && readThrough(own, producer, read, operandExtents(root, side))
    if (others === undefined || operand === undefined) return undefined
    this.groups[writers[0]] = others.length === 0 ? undefined : { ...producer, outputs: others }
    return operand
  }

  /** The expression of an output of a group in terms of what is in memory if only the others are stored. */
  #withoutGroup(
    { internal }: Group,
    { expression }: GroupOutput,
    others: readonly GroupOutput[],
  ): Expression | undefined {
    const stored = new Set(others.map(({ target }) => target.storage))
    const known = new Map<Expression, Expression | undefined>()
    const visit = (node: Expression): Expression | undefined => {
      if (!known.has(node)) known.set(node, visitAnew(node))
      return known.get(node)
    }
    const visitAnew = (node: Expression): Expression | undefined => {
      if (node.kind === 'apply') {
        const operands = node.operands.map(visit)
        return operands.every((operand) => operand !== undefined)
          ? apply(node.primitive, operands, node.dtype)
          : undefined
      }
      if (node.kind !== 'leaf' || !internal.has(node.storage) || stored.has(node.storage)) return node
      const own = internal.get(node.storage)
      if (own === undefined) return undefined
      const shared = (this.#readers.get(node.storage) ?? 0) > 1
      return shared && costOf(own) >= expensiveCost ? undefined : visit(own)
    }
    return visit(expression)
  }
}

/**
 * What a group stores without one of its outputs, in the order that a product needs. Undefined if the product would
 * have to store its sums instead, which saves nothing.
 */
function otherOutputs(
  { group, outputs }: LiveGroup,
  output: GroupOutput,
): readonly GroupOutput[] | undefined {
  const others = outputs.filter((other) => other !== output)
  if (group.root?.kind !== 'dot') return others
  const fit = dotOutputs(group, group.root, others)
  return fit.length === others.length ? fit : undefined
}

const operandExtents = ({ batch, rows, columns, depth }: DotStep, side: Side): number[] =>
  side === 'lhs' ? [batch, rows, depth] : [batch, depth, columns]

/** The expression over the axes of a read of the array that it computes; undefined where that is not exact or costly. */
function readThrough(
  expression: Expression,
  { group: { domain } }: LiveGroup,
  { view }: Leaf,
  extents: readonly number[],
): Expression | undefined {
  // Along the batch a repeated matrix is packed once.
  const repeats = extents.some((extent, axis) => axis > 0 && extent > 1 && view.strides[axis] === 0)
  if (repeats && costOf(expression) > broadcastCost) return undefined
  const dense = denseView(domain).strides
  const reads = viewsRead([expression], new Map()).map(({ strides }) => strides)
  const merged = canonicalDomain(domain, [dense, ...reads], [dense])
  const carry = composeWithRead(view, extents, merged.domain)
  return (
    carry &&
    moveExpression(expression, ({ offset, strides }) => carry({ offset, strides: merged.move(strides) }))
  )
}

/**
 * Live groups in the order in which they run → the same with prologues in their products. Outputs that only an operand
 * read are stored no more, and groups that stored nothing else are gone.
 */
export function fuseProductPrologues(
  groups: readonly LiveGroup[],
  programOutputs: readonly Storage[],
): LiveGroup[] {
  const fusion = new PrologueFusion(groups, programOutputs)
  groups.forEach((_, position) => {
    fusion.fuse(position)
  })
  return fusion.groups.filter((live) => live !== undefined)
}
