/**
 * The work of a program before grouping: each step computes one stored array from others. Steps stand in an
 * order in which they could run; `groupSteps` then merges element-wise ones into each other and into the
 * products and reductions whose results they read.
 */
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { Expression, Leaf, Storage } from './expression.ts'
import { leavesOf } from './expression.ts'
import type { Reducer, View } from './kernel.ts'
import { denseView } from './view.ts'

/** Where the elements of a domain are written. */
export interface Target {
  readonly storage: Storage
  readonly view: View
}

/** target[i] = expression[i] for i in the domain; views are over `domain`. */
export interface MapStep {
  readonly kind: 'map'
  readonly domain: Shape
  readonly expression: Expression
  readonly target: Target
  /** Writes over elements that an earlier step wrote (the inside of a pad), so it must come after. */
  readonly overwrites: boolean
}

/** result = reduction of an expression over [...kept, ...reduced]. */
export interface ReduceStep {
  readonly kind: 'reduce'
  readonly reducer: Reducer
  readonly kept: Shape
  readonly reduced: Shape
  readonly operand: Expression
  readonly result: Storage
}

/** result = accumulator + lhs · rhs, in the axes of `DotKernel`. */
export interface DotStep {
  readonly kind: 'dot'
  readonly batch: number
  readonly rows: number
  readonly columns: number
  readonly depth: number
  /** Reads of memory, until `fuseProductPrologues` puts what computes an array in the place of its read. */
  readonly lhs: Expression
  readonly rhs: Expression
  readonly accumulator: Leaf | undefined
  readonly result: Storage
}

/** Operands are dense blocks. */
export interface GatherStep {
  readonly kind: 'gather'
  readonly outer: number
  readonly extent: number
  readonly count: number
  readonly inner: number
  readonly operand: Leaf
  readonly indices: Leaf
  readonly result: Storage
}

export interface ScatterAddStep {
  readonly kind: 'scatterAdd'
  readonly outer: number
  readonly extent: number
  readonly count: number
  readonly inner: number
  readonly operand: Leaf
  readonly indices: Leaf
  readonly updates: Leaf
  readonly result: Storage
}

export interface RandomBitsStep {
  readonly kind: 'randomBits'
  readonly key: Leaf
  readonly result: Storage
}

export type RootStep = ReduceStep | DotStep | GatherStep | ScatterAddStep | RandomBitsStep
export type Step = MapStep | RootStep

/** A program as steps. */
export interface Decomposition {
  readonly inputs: readonly Storage[]
  /** One per program output, distinct, none of them an input. */
  readonly outputs: readonly Storage[]
  readonly steps: readonly Step[]
}

/** Leaves that a root step reads other than through the operand of a reduction; one that is read twice stands twice. */
export function operandsOf(step: RootStep): Leaf[] {
  switch (step.kind) {
    case 'reduce':
      return []
    case 'dot':
      return [
        ...leavesOf([step.lhs]),
        ...leavesOf([step.rhs]),
        ...(step.accumulator === undefined ? [] : [step.accumulator]),
      ]
    case 'gather':
      return [step.operand, step.indices]
    case 'scatterAdd':
      return [step.operand, step.indices, step.updates]
    case 'randomBits':
      return [step.key]
  }
}

/** The domain of a root step's epilogue; undefined if it cannot have one. */
export function epilogueDomain(step: RootStep): Shape | undefined {
  if (step.kind === 'dot') return [step.batch, step.rows, step.columns]
  return step.kind === 'reduce' ? step.kept : undefined
}

/** The whole of a storage. */
export const wholeLeaf = (storage: Storage): Leaf => ({
  kind: 'leaf',
  storage,
  view: denseView(storage.shape),
  dtype: storage.dtype,
})

export const isEmpty = (shape: Shape): boolean => sizeOf(shape) === 0
