/**
 * What the emitters of a reduction work on: its prologue and epilogue as vector expressions over the axes
 * [...kept, ...reduced], before and after cursors are made for them.
 */
import type { Dtype } from '../../dtype.ts'
import type { BufferIndex, ReduceKernel } from '../../kernel/kernel.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { instructionCount } from '../elements/vectorEmission.ts'
import type { LoopBody, Place } from '../loops/loopBody.ts'
import { emitStores, emitValues } from '../loops/loopBody.ts'
import type { ViewOf } from '../loops/loopCursors.ts'
import { createCursors } from '../loops/loopCursors.ts'
import type { LoopExpression, LoopInput } from '../loops/loopExpression.ts'
import { loopExpression } from '../loops/loopExpression.ts'
import { cheapUnit } from '../loops/slices.ts'
import type { StageContext } from '../stage.ts'

export interface ReductionPlan {
  readonly kernel: ReduceKernel
  readonly dtype: Dtype
  readonly prologue: LoopExpression
  readonly epilogue: LoopExpression
  /** Kept axes, then reduced ones. */
  readonly extents: readonly number[]
  readonly keptAxes: readonly number[]
  readonly reducedAxes: readonly number[]
  /** Elements that are kept, and elements reduced for each. */
  readonly kept: number
  readonly reduced: number
  /** So much is reduced, to each result and in all, that the order in which memory is read matters. */
  readonly isLarge: boolean
  /** Instructions and loads of four elements. */
  readonly work: number
}

/** A plan's prologue and epilogue over the same cursors. */
export interface ReductionBody {
  readonly plan: ReductionPlan
  /** One root, the reduced value; no stores. */
  readonly prologue: LoopBody
  readonly epilogue: LoopBody
}

const isView = (input: LoopInput): input is ViewOf => input !== undefined

const product = (extents: readonly number[]): number => extents.reduce((all, extent) => all * extent, 1)

/** Heuristics: elements reduced to a result, and units of cheap work in all, from which on a reduction is large. */
const large = { reduced: 64, units: 64 }

/** @throws {DtypeError} for float64. */
export function reductionPlan(context: StageContext, kernel: ReduceKernel): ReductionPlan {
  const { kept, reduced, nodes, operand, stores } = kernel
  const prologue = loopExpression(nodes, [operand])
  const axes = [...kept, ...reduced].map((_, axis) => axis)
  const [results, each] = [product(kept), product(reduced)]
  return {
    kernel,
    dtype: nodes[operand].dtype,
    prologue,
    epilogue: loopExpression(
      kernel.epilogue,
      stores.map(({ node }) => node),
    ),
    extents: [...kept, ...reduced],
    keptAxes: axes.slice(0, kept.length),
    reducedAxes: axes.slice(kept.length),
    kept: results,
    reduced: each,
    isLarge: each >= large.reduced && results * each >= large.units * cheapUnit(context),
    work: instructionCount(prologue.roots) + prologue.inputs.length + 1,
  }
}

/** Declares the cursors. */
export function reductionBody(
  f: FunctionBuilder,
  plan: ReductionPlan,
  pointerOf: (buffer: BufferIndex) => Local,
): ReductionBody {
  const { kernel, prologue, epilogue } = plan
  const widened = ({ buffer, view }: ViewOf): ViewOf => ({
    buffer,
    view: { offset: view.offset, strides: [...view.strides, ...kernel.reduced.map(() => 0)] },
  })
  const prologueViews = prologue.inputs.filter(isView)
  const epilogueViews = epilogue.inputs.filter(isView).map(widened)
  const views = [...prologueViews, ...epilogueViews, ...kernel.stores.map(widened)]
  const cursors = createCursors(f, views, pointerOf)
  const accesses = [...cursors.accesses]
  const take = (inputs: readonly LoopInput[]) =>
    inputs.map((input) => (input === undefined ? undefined : accesses.shift()))
  const prologueInputs = take(prologue.inputs)
  const epilogueInputs = take(epilogue.inputs)
  return {
    plan,
    prologue: { cursors, roots: prologue.roots, inputs: prologueInputs, stores: [] },
    epilogue: { cursors, roots: epilogue.roots, inputs: epilogueInputs, stores: accesses },
  }
}

/** Computes the epilogue of a result, or of neighbouring ones, and stores it. */
export function emitEpilogue(
  f: FunctionBuilder,
  { plan, epilogue }: ReductionBody,
  place: Place,
  result: Local,
): void {
  const supplied = (input: number) => (plan.epilogue.inputs[input] === undefined ? result : undefined)
  emitStores(f, epilogue, place, emitValues(f, epilogue, place, undefined, supplied))
}
