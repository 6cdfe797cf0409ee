/**
 * Reduction kernels as WebAssembly functions specialised to their shapes: a prologue evaluated four elements at
 * a time, accumulated, and an epilogue on the result.
 *
 * The lanes lie along an axis on which the operands are contiguous: a reduced one (lanes are folded; one result
 * at a time) or a kept one (each lane is a result; strips of several vectors go down the reduced axes). Units of work
 * are kept indices where there are many; else blocks of the reduced axes, whose partial results a second stage folds.
 */
import type { ReduceKernel } from '../../kernel/kernel.ts'
import { kernelStage } from '../kernelArguments.ts'
import { rowGranule } from '../loops/loopKernelRows.ts'
import type { Slices } from '../loops/slices.ts'
import { sliceSpace, unitOf } from '../loops/slices.ts'
import type { Stage, StageContext } from '../stage.ts'
import { emitReduceAcross } from './reductionAcross.ts'
import { emitReduceAlong, stripsScratch, stripWidth } from './reductionAlong.ts'
import type { ReductionPlan } from './reductionBody.ts'
import { reductionBody, reductionPlan } from './reductionBody.ts'
import { partialStages } from './partialReduction.ts'
import { emitReduceShortRows, hasShortRows } from './reductionShortRows.ts'

/**
 * The axis of the lanes. Heuristic: the one with the fewest inputs that must be read lane by lane; an axis
 * shorter than a vector counts as half such an input; of equals a reduced axis, then the innermost.
 */
function laneAxis({ prologue, extents }: ReductionPlan): number {
  const cost = (axis: number): number => {
    const scattered = prologue.inputs.filter(
      (input) => input?.buffer !== undefined && input.view.strides[axis] > 1,
    )
    return scattered.length + (extents[axis] < 4 ? 0.5 : 0)
  }
  let best = extents.length - 1
  for (let axis = best - 1; axis >= 0; axis--) if (cost(axis) < cost(best)) best = axis
  return best
}

/** Heuristic: units from which on several threads have about equal shares. */
const fairUnits = 16

/** A reduction. @throws {DtypeError} for float64. */
export function reduceStages(context: StageContext, kernel: ReduceKernel): Stage[] {
  const plan = reductionPlan(context, kernel)
  const { extents, keptAxes, reduced, work } = plan
  const lane = laneAxis(plan)
  const unit = unitOf(context, work)
  const isAlong = keptAxes.includes(lane)
  const shortRows = !isAlong && hasShortRows(plan, lane)
  const axes = isAlong ? [...keptAxes.filter((axis) => axis !== lane), lane] : keptAxes
  const granule = (axis: number): number => {
    if (isAlong && axis === lane) return stripWidth(plan)
    return shortRows && axis === keptAxes.length - 1 ? rowGranule : 1
  }
  const slices: Slices | undefined =
    axes.length === 0 ? undefined : sliceSpace({ extents, axes, work: reduced, unit, granule })
  if ((slices?.units ?? 1) < fairUnits) {
    const partial = partialStages(context, plan, lane, unit)
    if (partial !== undefined) return partial
  }
  if (isAlong && slices !== undefined) context.ownScratch(stripsScratch(plan))
  return [
    kernelStage(context, kernel, slices?.units ?? 1, (f, pointerOf, share) => {
      const body = reductionBody(f, plan, pointerOf)
      if (slices === undefined) emitReduceAcross(f, body, lane, undefined, share)
      else if (isAlong) emitReduceAlong(f, body, lane, slices, share)
      else if (shortRows) emitReduceShortRows(f, body, lane, slices, share)
      else emitReduceAcross(f, body, lane, slices, share)
    }),
  ]
}
