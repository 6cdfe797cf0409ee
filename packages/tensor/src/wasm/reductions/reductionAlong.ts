/**
 * Reduction with the lanes along a kept axis: strips of a few vectors go down all reduced axes, one accumulator
 * chain a vector, and the epilogue works on four results at once. What does not change down the strip is
 * computed once in front of it.
 */
import type { FunctionBuilder } from '../assembler/functionBuilder.ts'
import { emitLoopInvariants, emitStores, emitValues } from '../loops/loopBody.ts'
import type { Place } from '../loops/loopBody.ts'
import { vectorsPerTurn } from '../loops/loopKernelRows.ts'
import type { AxisLoop } from '../loops/loopNest.ts'
import { loopsOver, nest, repeat } from '../loops/loopNest.ts'
import { createAccumulator } from './reductionAccumulator.ts'
import type { ReductionBody } from './reductionKernel.ts'

/** Elements from which on the operands count as larger than the caches. */
const largeReduction = 2 ** 20

/**
 * Heuristic: four vectors keep all accumulators in registers; from memory eight are better, because whole pairs
 * of cache lines are read.
 */
function vectorsPerStrip({ prologue, extents }: ReductionBody): number {
  const vectors = vectorsPerTurn(prologue)
  const elements = extents.reduce((product, extent) => product * extent, 1)
  return vectors === 4 && prologue.inputs.length === 1 && elements >= largeReduction ? 8 : vectors
}

/** `count` neighbouring results along the lane axis, from the cursors on. */
function emitStrip(f: FunctionBuilder, body: ReductionBody, lane: number, count: number): void {
  const { kernel, prologue, epilogue, isResult, extents, keptRank } = body
  const places = Array.from({ length: Math.ceil(count / 4) }, (_, chain): Place => {
    const at = extents.map((_extent, axis) => (axis === lane ? 4 * chain : 0))
    return { axis: lane, at, lanes: Math.min(4, count - 4 * chain) }
  })
  const dtype = kernel.nodes[kernel.operand].dtype
  const shape = { direction: 'along', chains: places.length } as const
  const accumulator = createAccumulator(f, kernel.reducer, dtype, shape)
  const reducedLoops: AxisLoop[] = loopsOver(extents, []).slice(keptRank)
  const reducedAxes = reducedLoops.map(({ axis }) => axis)
  const known = places.map((place) => emitLoopInvariants(f, prologue, reducedAxes, place))
  const innermost = reducedLoops[reducedLoops.length - 1]
  const turns = (number: number): void => {
    accumulator.beginBlock()
    repeat(f, number, () => {
      places.forEach((place, chain) => {
        const [value] = emitValues(f, prologue, place, known[chain])
        accumulator.add(chain, value, place.lanes)
      })
      accumulator.endTurn()
      prologue.cursors.advance(innermost.axis, 1)
    })
    accumulator.endBlock()
  }
  accumulator.begin()
  nest(f, prologue.cursors, reducedLoops.slice(0, -1), () => {
    const { axis, count: length } = innermost
    const blocks = Math.floor(length / accumulator.blockLength)
    repeat(f, blocks, () => turns(accumulator.blockLength))
    const rest = blocks === 0 ? length : length - blocks * accumulator.blockLength
    if (rest > 0) turns(rest)
    prologue.cursors.advance(axis, -length)
  })
  accumulator.finish().forEach((result, chain) => {
    const supplied = (input: number) => (isResult(input) ? result : undefined)
    emitStores(f, epilogue, places[chain], emitValues(f, epilogue, places[chain], undefined, supplied))
  })
}

/** The whole kernel. */
export function emitReduceAlong(f: FunctionBuilder, body: ReductionBody, lane: number): void {
  const { prologue, extents, keptRank } = body
  const { cursors } = prologue
  const count = extents[lane]
  const width = 4 * vectorsPerStrip(body)
  const strips = Math.floor(count / width)
  const otherKept = loopsOver(extents, [lane]).filter(({ axis }) => axis < keptRank)
  nest(f, cursors, otherKept, () => {
    nest(f, cursors, [{ axis: lane, count: strips, step: width }], () => emitStrip(f, body, lane, width))
    const rest = count - strips * width
    if (rest === 0) return
    cursors.advance(lane, strips * width)
    emitStrip(f, body, lane, rest)
    cursors.advance(lane, -strips * width)
  })
}
