/**
 * Reduction kernels as WebAssembly functions specialised to their shapes: a prologue evaluated four elements at
 * a time, accumulated, and an epilogue on the result.
 *
 * The lanes lie along an axis on which the operands are contiguous: a reduced one (lanes are folded; one result
 * at a time) or a kept one (each lane is a result; strips of several vectors go down the reduced axes).
 */
import type { BufferIndex, ReduceKernel } from '../../kernel/kernel.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { wholeKernelStage } from '../kernelArguments.ts'
import type { Stage, StageContext } from '../stage.ts'
import type { LoopBody } from '../loops/loopBody.ts'
import type { ViewOf } from '../loops/loopCursors.ts'
import { createCursors } from '../loops/loopCursors.ts'
import type { LoopInput } from '../loops/loopExpression.ts'
import { loopExpression } from '../loops/loopExpression.ts'
import { emitReduceAcross } from './reductionAcross.ts'
import { emitReduceAlong } from './reductionAlong.ts'

/** Prologue and epilogue of a reduction over the same cursors. */
export interface ReductionBody {
  readonly kernel: ReduceKernel
  /** One root, the reduced value; no stores. */
  readonly prologue: LoopBody
  readonly epilogue: LoopBody
  /** Whether an input of the epilogue is the result. */
  readonly isResult: (input: number) => boolean
  /** Kept axes, then reduced ones. */
  readonly extents: readonly number[]
  readonly keptRank: number
}

const isView = (input: LoopInput): input is ViewOf => input !== undefined

function reductionBody(
  f: FunctionBuilder,
  kernel: ReduceKernel,
  pointerOf: (buffer: BufferIndex) => Local,
): ReductionBody {
  const { kept, reduced, nodes, operand, stores } = kernel
  const prologue = loopExpression(nodes, [operand])
  const epilogue = loopExpression(
    kernel.epilogue,
    stores.map(({ node }) => node),
  )
  const widened = ({ buffer, view }: ViewOf): ViewOf => ({
    buffer,
    view: { offset: view.offset, strides: [...view.strides, ...reduced.map(() => 0)] },
  })
  const prologueViews = prologue.inputs.filter(isView)
  const epilogueViews = epilogue.inputs.filter(isView).map(widened)
  const cursors = createCursors(f, [...prologueViews, ...epilogueViews, ...stores.map(widened)], pointerOf)
  const accesses = [...cursors.accesses]
  const take = (inputs: readonly LoopInput[]) =>
    inputs.map((input) => (input === undefined ? undefined : accesses.shift()))
  const prologueInputs = take(prologue.inputs)
  const epilogueInputs = take(epilogue.inputs)
  return {
    kernel,
    prologue: { cursors, roots: prologue.roots, inputs: prologueInputs, stores: [] },
    epilogue: { cursors, roots: epilogue.roots, inputs: epilogueInputs, stores: accesses },
    isResult: (input) => epilogue.inputs[input] === undefined,
    extents: [...kept, ...reduced],
    keptRank: kept.length,
  }
}

/**
 * The axis of the lanes. Heuristic: the one with the fewest inputs that must be read lane by lane; an axis
 * shorter than a vector counts as half such an input; of equals a reduced axis, then the innermost.
 */
function laneAxis({ prologue, extents }: ReductionBody): number {
  const cost = (axis: number): number => {
    const scattered = prologue.inputs.filter(
      (input) => input !== undefined && !input.isIndex && input.strides[axis] > 1,
    )
    return scattered.length + (extents[axis] < 4 ? 0.5 : 0)
  }
  let best = extents.length - 1
  for (let axis = best - 1; axis >= 0; axis--) if (cost(axis) < cost(best)) best = axis
  return best
}

/** A reduction. @throws {DtypeError} for float64. */
export function reduceStages(context: StageContext, kernel: ReduceKernel): Stage[] {
  return [
    wholeKernelStage(context, kernel, (f, pointerOf) => {
      const body = reductionBody(f, kernel, pointerOf)
      const lane = laneAxis(body)
      if (lane < body.keptRank) emitReduceAlong(f, body, lane)
      else emitReduceAcross(f, body, lane)
    }),
  ]
}
