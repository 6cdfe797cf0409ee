/**
 * Reductions of much to little, in two stages: the reduced axes are cut into blocks, whose states go to shared scratch
 * memory; then thread 0 merges them in order and computes the epilogue. Blocks depend on the shape alone, so the result
 * has the same bits for any number of threads; states of float32 sums are float64, so it is as accurate as one sum.
 */
import { kernelStage } from '../kernelArguments.ts'
import { rowGranule } from '../loops/loopKernelRows.ts'
import type { AxisLoop } from '../loops/loopNest.ts'
import { nest, repeat } from '../loops/loopNest.ts'
import type { Slices } from '../loops/slices.ts'
import { forEachUnit, sliceSpace } from '../loops/slices.ts'
import type { Stage, StageContext } from '../stage.ts'
import { advance } from '../assembler/advance.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { Accumulator } from './reductionAccumulator.ts'
import { vectorsOfState } from './reductionAccumulator.ts'
import { accumulateAcross, acrossAccumulator, acrossShape, emitResultAcross } from './reductionAcross.ts'
import type { Strip } from './reductionAlong.ts'
import { accumulateAlong, emitResultsAlong, forEachStrip } from './reductionAlong.ts'
import type { ReductionBody, ReductionPlan } from './reductionBody.ts'
import { reductionBody } from './reductionBody.ts'

/** Heuristic: blocks of a reduction, so that merging them costs next to nothing. */
const mostBlocks = 256

/** The blocks, with the unit of work given, or undefined where it does not pay. */
function reductionBlocks(
  { extents, reducedAxes, kept, reduced }: ReductionPlan,
  lane: number,
  unit: number,
): Slices | undefined {
  const axes = [
    ...reducedAxes.filter((axis) => axis !== lane),
    ...reducedAxes.filter((axis) => axis === lane),
  ]
  const slices = sliceSpace({
    extents,
    axes,
    work: kept,
    unit: Math.max(2 * unit, (kept * reduced) / mostBlocks),
    granule: (axis) => (axis === lane ? rowGranule : 1),
  })
  return slices.units > 1 ? slices : undefined
}

/** Merges `count` states, `distance` bytes apart, the first of them at `from`. */
function mergeStates(
  f: FunctionBuilder,
  accumulator: Accumulator,
  from: Local,
  count: number,
  distance: number,
): void {
  const state = f.local('i32')
  f.localGet(from).localSet(state)
  accumulator.load(state)
  repeat(f, count - 1, () => {
    f.localGet(state).i32Const(distance).i32Add().localSet(state)
    accumulator.merge(state)
  })
}

/** The extents of one block. */
const blockExtents = ({ extents }: ReductionPlan, { axis, outer }: Slices, count: number): number[] =>
  extents.map((extent, each) => (each === axis ? count : outer.includes(each) ? 1 : extent))

const loopsOf = ({ extents }: ReductionPlan, axes: readonly number[]): AxisLoop[] =>
  axes.map((axis) => ({ axis, count: extents[axis] }))

/** Lanes along a reduced axis: a unit is a block for one kept index. */
function partialAcross(context: StageContext, plan: ReductionPlan, lane: number, blocks: Slices): Stage[] {
  const { kernel, kept, keptAxes, extents } = plan
  const bytes = 16 * vectorsOfState(kernel.reducer, plan.dtype, 'across')
  const units = kept * blocks.units
  const slices = { ...blocks, outer: [...keptAxes, ...blocks.outer], units }
  const scratch = [context.sharedScratch(bytes * units)]
  const accumulate = kernelStage(
    context,
    kernel,
    units,
    (f, pointerOf, share, [states]) => {
      const body = reductionBody(f, plan, pointerOf)
      const shape = acrossShape(body, lane)
      const accumulator = acrossAccumulator(f, body, shape)
      const state = f.local('i32')
      forEachUnit(f, body.prologue.cursors, extents, slices, share, ({ unit, position }, count) => {
        accumulator.begin(position)
        accumulateAcross(f, body, shape, blockExtents(plan, blocks, count), accumulator)
        f.localGet(unit).i32Const(bytes).i32Mul().localGet(states).i32Add().localSet(state)
        accumulator.save(state)
      })
    },
    scratch,
  )
  const fold = kernelStage(
    context,
    kernel,
    1,
    (f, pointerOf, _share, [states]) => {
      const body = reductionBody(f, plan, pointerOf)
      const accumulator = acrossAccumulator(f, body, { lane, chains: 1 })
      nest(f, body.prologue.cursors, loopsOf(plan, keptAxes), () => {
        mergeStates(f, accumulator, states, blocks.units, bytes)
        emitResultAcross(f, body, accumulator)
        advance(f, states, bytes * blocks.units)
      })
    },
    scratch,
  )
  return [accumulate, { ...fold, waits: true }]
}

/** Lanes along a kept axis: a unit is a block for all kept indices. */
function partialAlong(context: StageContext, plan: ReductionPlan, lane: number, blocks: Slices): Stage[] {
  const { kernel, kept, keptAxes, extents } = plan
  const vectors = Math.ceil(extents[lane] / 4) * (kept / extents[lane])
  const unitBytes = 16 * vectors * vectorsOfState(kernel.reducer, plan.dtype, 'along')
  const scratch = [context.sharedScratch(unitBytes * blocks.units)]
  const loops = loopsOf(
    plan,
    keptAxes.filter((axis) => axis !== lane),
  )
  const forAllStrips = (
    f: FunctionBuilder,
    body: ReductionBody,
    state: Local,
    emit: (strip: Strip) => void,
  ) => {
    const columns = f.local('i32')
    f.i32Const(extents[lane]).localSet(columns)
    nest(f, body.prologue.cursors, loops, () => forEachStrip(f, body, lane, columns, state, emit))
  }
  const accumulate = kernelStage(
    context,
    kernel,
    blocks.units,
    (f, pointerOf, share, [states]) => {
      const body = reductionBody(f, plan, pointerOf)
      const state = f.local('i32')
      forEachUnit(f, body.prologue.cursors, extents, blocks, share, ({ unit, position }, count) => {
        f.localGet(unit).i32Const(unitBytes).i32Mul().localGet(states).i32Add().localSet(state)
        forAllStrips(f, body, state, (strip) => {
          strip.accumulator.begin(position)
          accumulateAlong(f, body, strip, blockExtents(plan, blocks, count))
          strip.accumulator.save(state)
        })
      })
    },
    scratch,
  )
  const fold = kernelStage(
    context,
    kernel,
    1,
    (f, pointerOf, _share, [states]) => {
      const body = reductionBody(f, plan, pointerOf)
      forAllStrips(f, body, states, (strip) => {
        mergeStates(f, strip.accumulator, states, blocks.units, unitBytes)
        emitResultsAlong(f, body, strip)
      })
    },
    scratch,
  )
  return [accumulate, { ...fold, waits: true }]
}

/** The stages of a reduction in blocks, or undefined where it does not pay. */
export function partialStages(
  context: StageContext,
  plan: ReductionPlan,
  lane: number,
  unit: number,
): Stage[] | undefined {
  const blocks = reductionBlocks(plan, lane, unit)
  if (blocks === undefined) return undefined
  const stages = plan.keptAxes.includes(lane) ? partialAlong : partialAcross
  return stages(context, plan, lane, blocks)
}
