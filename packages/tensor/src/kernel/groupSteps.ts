/**
 * Steps → kernels to be: each product and reduction takes the element-wise steps that read its result as its
 * epilogue, and element-wise steps over one domain that share reads become one map with several stores.
 *
 * A step may join a group if, moved to the group's domain, it reads the group's own results at the index where
 * they are computed, and none of its other reads depends on the group (the kernels must stay orderable). As a
 * heuristic the group that was made last is preferred (its results are the freshest), and no kernel binds more
 * than eight buffers (what WebGPU guarantees).
 */
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { Expression, Leaf, Storage } from './expression.ts'
import { leavesOf, moveExpression, readsOf } from './expression.ts'
import type { View } from './kernel.ts'
import type { MapStep, RootStep, Step, Target } from './step.ts'
import { epilogueDomain, operandsOf } from './step.ts'
import { denseView, pullBack, reshapeView, sameView } from './view.ts'

const largestBufferCount = 8
/** Heuristic: how many earlier maps of equal size are tried as partners. */
const partnersTried = 8

/** An output of a group: views are over the group's domain. */
export interface GroupOutput {
  readonly expression: Expression
  readonly target: Target
}

/** A kernel to be: a root step with its epilogue, or (without root) a map. */
export interface Group {
  readonly order: number
  readonly root: RootStep | undefined
  /** Of the outputs. */
  readonly domain: Shape
  readonly outputs: GroupOutput[]
  /** What the group computes at each index of the domain: `undefined` stands for the root's result. */
  readonly internal: Map<Storage, Expression | undefined>
  readonly dependencies: Set<Group>
}

class Grouping {
  readonly groups: Group[] = []
  readonly #writers = new Map<Storage, Set<Group>>()
  /** Map groups by the number of elements of their domains. */
  readonly #maps = new Map<number, Group[]>()

  add(step: Step): void {
    if (step.kind === 'map') this.#addMap(step)
    else this.#addRoot(step)
  }

  #group(root: RootStep | undefined, domain: Shape): Group {
    const group: Group = {
      order: this.groups.length,
      root,
      domain,
      outputs: [],
      internal: new Map(),
      dependencies: new Set(),
    }
    this.groups.push(group)
    return group
  }

  #writersOf(storages: readonly Storage[]): Group[] {
    return storages.flatMap((storage) => [...(this.#writers.get(storage) ?? [])])
  }

  #write(group: Group, storage: Storage): void {
    const writers = this.#writers.get(storage)
    if (writers === undefined) this.#writers.set(storage, new Set([group]))
    else writers.add(group)
  }

  #addRoot(root: RootStep): void {
    const group = this.#group(root, epilogueDomain(root) ?? [])
    const reads = operandsOf(root).map((leaf) => leaf.storage)
    if (root.kind === 'reduce') reads.push(...readsOf(root.operand))
    for (const writer of this.#writersOf(reads)) group.dependencies.add(writer)
    if (epilogueDomain(root) !== undefined) group.internal.set(root.result, undefined)
    this.#write(group, root.result)
  }

  #addMap(step: MapStep): void {
    const reads = readsOf(step.expression)
    const before = step.overwrites ? [step.target.storage] : []
    const dependencies = this.#writersOf([...reads, ...before])
    const joined = this.#candidates(step).some((group) => this.#join(group, step, dependencies))
    if (joined) return
    const group = this.#group(undefined, step.domain)
    const size = sizeOf(step.domain)
    const maps = this.#maps.get(size)
    if (maps === undefined) this.#maps.set(size, [group])
    else maps.push(group)
    this.#extend(group, step, dependencies)
  }

  /** Groups whose results the step reads, then maps over as many elements; the latest first. */
  #candidates({ expression, domain }: MapStep): Group[] {
    const reads = readsOf(expression)
    if (reads.length === 0) return []
    const producers = new Set(this.#writersOf(reads))
    const partners = (this.#maps.get(sizeOf(domain)) ?? [])
      .slice(-partnersTried)
      .filter((group) => !producers.has(group) && sharesRead(group, reads))
    const latestFirst = (a: Group, b: Group): number => b.order - a.order
    return [...[...producers].sort(latestFirst), ...partners.sort(latestFirst)]
  }

  #join(group: Group, step: MapStep, dependencies: readonly Group[]): boolean {
    if (group.root !== undefined && epilogueDomain(group.root) === undefined) return false
    const move = moveTo(group, step)
    if (move === undefined) return false
    const expression = moveExpression(step.expression, move)
    const view = move(step.target.view)
    if (expression === undefined || view === undefined) return false
    const output: GroupOutput = { expression, target: { storage: step.target.storage, view } }
    const identity = denseView(group.domain)
    const own = leavesOf([expression]).filter((leaf) => group.internal.has(leaf.storage))
    if (own.some((leaf) => !sameView(leaf.view, identity))) return false
    // A storage that the group writes only a part of cannot be read by it.
    const foreign = dependencies.filter((writer) => writer !== group)
    const reads = readsOf(expression).filter((storage) => !group.internal.has(storage))
    if (this.#writersOf(reads).includes(group)) return false
    if (bufferCount(group, output) > largestBufferCount) return false
    if (foreign.some((writer) => dependsOn(writer, group))) return false
    this.#extend(group, { ...output, domain: group.domain }, foreign)
    return true
  }

  #extend(
    group: Group,
    output: GroupOutput & { readonly domain: Shape },
    dependencies: readonly Group[],
  ): void {
    const { expression, target, domain } = output
    group.outputs.push({ expression, target })
    for (const writer of dependencies) if (writer !== group) group.dependencies.add(writer)
    this.#write(group, target.storage)
    const whole = sizeOf(target.storage.shape) === sizeOf(domain) && sameView(target.view, denseView(domain))
    if (whole) group.internal.set(target.storage, expression)
  }
}

const sharesRead = (group: Group, reads: readonly Storage[]): boolean =>
  group.outputs.some(({ expression }) => readsOf(expression).some((storage) => reads.includes(storage)))

/** How views over the step's domain become views over the group's. */
function moveTo(group: Group, step: MapStep): ((view: View) => View | undefined) | undefined {
  const own = leavesOf([step.expression]).find((leaf) => group.internal.has(leaf.storage))
  if (own !== undefined) return pullBack(own.view, step.domain, group.domain)
  if (group.root !== undefined || sizeOf(step.domain) !== sizeOf(group.domain)) return undefined
  return (view) => reshapeView(view, step.domain, group.domain)
}

function bufferCount(group: Group, extra: GroupOutput): number {
  const outputs = [...group.outputs, extra]
  const leaves: Leaf[] = group.root === undefined ? [] : operandsOf(group.root)
  const reads = group.root?.kind === 'reduce' ? readsOf(group.root.operand) : []
  const storages = new Set<Storage>([...reads, ...leaves.map((leaf) => leaf.storage)])
  for (const { expression, target } of outputs) {
    for (const storage of readsOf(expression)) if (!group.internal.has(storage)) storages.add(storage)
    storages.add(target.storage)
  }
  return storages.size
}

/** True if `group` must run after `other`. */
function dependsOn(group: Group, other: Group): boolean {
  const seen = new Set<Group>([group])
  const pending = [group]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next === other) return true
    for (const dependency of next.dependencies) {
      if (seen.has(dependency)) continue
      seen.add(dependency)
      pending.push(dependency)
    }
  }
  return false
}

/** Groups in an order in which they can run: dependencies first, else in the order of the program. */
function ordered(groups: readonly Group[]): Group[] {
  const result: Group[] = []
  const placed = new Set<Group>()
  const place = (group: Group): void => {
    if (placed.has(group)) return
    placed.add(group)
    for (const dependency of [...group.dependencies].sort((a, b) => a.order - b.order)) place(dependency)
    result.push(group)
  }
  groups.forEach(place)
  return result
}

/** Merges the steps into groups, each one kernel, in an order in which they can run. */
export function groupSteps(steps: readonly Step[]): Group[] {
  const grouping = new Grouping()
  for (const step of steps) grouping.add(step)
  return ordered(grouping.groups)
}
