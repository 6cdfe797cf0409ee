/**
 * Reduction with the lanes along a reduced axis: for each kept index all rows along that axis are accumulated in
 * several chains of vectors; then chains and lanes are folded and the epilogue computes one element.
 *
 * Where a row is long, the chains lie far apart in it, each a stream of its own: hardware reads four streams from
 * memory a third faster than one (measured).
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { ThreadShare } from '../kernelArguments.ts'
import { emitLoopInvariants, emitValues } from '../loops/loopBody.ts'
import { vectorsPerTurn } from '../loops/loopKernelRows.ts'
import type { AxisLoop } from '../loops/loopNest.ts'
import { nest, repeat, repeatBy } from '../loops/loopNest.ts'
import type { Slices } from '../loops/slices.ts'
import { forEachSlice } from '../loops/slices.ts'
import type { Accumulator } from './reductionAccumulator.ts'
import { createAccumulator } from './reductionAccumulator.ts'
import type { ReductionBody } from './reductionBody.ts'
import { emitEpilogue } from './reductionBody.ts'

/** Heuristic: elements of a row from which on its chains are streams of their own. */
const streamedRow = 4096

/** Elements from one stream to the next are an odd number of cache lines, lest all fall into one set of a cache. */
const streamLength = (elements: number): number => 32 * Math.floor((elements - 16) / 32) + 16

/** The axis of the lanes and how many chains there are. */
export interface AcrossShape {
  readonly lane: number
  readonly chains: number
}

/** Heuristic: as many chains as hide the latency of additions. */
export const acrossShape = ({ plan, prologue }: ReductionBody, lane: number): AcrossShape => ({
  lane,
  chains: plan.kernel.reducer === 'argMax' ? 1 : vectorsPerTurn(prologue),
})

export const acrossAccumulator = (
  f: FunctionBuilder,
  { plan: { kernel, dtype } }: ReductionBody,
  { chains }: AcrossShape,
): Accumulator => createAccumulator(f, kernel.reducer, dtype, { direction: 'across', chains })

/** Turns in blocks, and in the last block what does not fill a turn. */
function emitTurns(
  f: FunctionBuilder,
  accumulator: Accumulator,
  turns: number,
  turn: () => void,
  rest?: () => void,
): void {
  const { blockLength } = accumulator
  const blocks = Math.floor(turns / blockLength)
  repeat(f, blocks, () => {
    accumulator.beginBlock()
    repeat(f, blockLength, turn)
    accumulator.endBlock()
  })
  const left = blocks === 0 ? turns : turns - blocks * blockLength
  if (left === 0 && rest === undefined) return
  accumulator.beginBlock()
  repeat(f, left, turn)
  rest?.()
  accumulator.endBlock()
}

/** Accumulates `count` elements along the lane axis. */
function emitReducedRow(
  f: FunctionBuilder,
  { plan: { extents }, prologue }: ReductionBody,
  { lane, chains }: AcrossShape,
  count: number,
  accumulator: Accumulator,
): void {
  const { cursors } = prologue
  const { combine } = accumulator
  const zeros = extents.map(() => 0)
  const known = emitLoopInvariants(f, prologue, [lane], { axis: lane, at: zeros, lanes: 4 })
  const valueAt = (position: number, lanes: number): Local => {
    const at = zeros.map((zero, a) => (a === lane ? position : zero))
    return emitValues(f, prologue, { axis: lane, at, lanes }, known)[0]
  }
  /** Vectors that a chain takes in a turn. */
  const vectors = combine !== undefined && chains === 4 && prologue.inputs.length === 1 ? 2 : 1
  /** A turn whose chains begin so far apart, and which moves on so far. */
  const turn = (apart: number, width: number) => (): void => {
    for (let chain = 0; chain < chains; chain++) {
      const value = valueAt(apart * chain, 4)
      if (vectors === 2) combine?.(value, valueAt(apart * chain + 4, 4))
      accumulator.add(chain, value, 4)
    }
    accumulator.endTurn()
    cursors.advance(lane, width)
  }
  let done = 0
  if (chains > 1 && count >= streamedRow) {
    const stream = streamLength(count / chains)
    const turns = stream / (4 * vectors)
    emitTurns(f, accumulator, turns, turn(stream, 4 * vectors))
    done = chains * stream
    cursors.advance(lane, done - stream)
  }
  const width = 4 * vectors * chains
  const turns = Math.floor((count - done) / width)
  const rest = count - done - turns * width
  const emitRest = (): void => {
    for (let position = 0; position < rest; position += 4) {
      const lanes = Math.min(4, rest - position)
      accumulator.add((position / 4) % chains, valueAt(position, lanes), lanes)
    }
  }
  if (turns > 0 || rest > 0)
    emitTurns(f, accumulator, turns, turn(4 * vectors, width), rest > 0 ? emitRest : undefined)
  cursors.advance(lane, -(done + turns * width))
}

/** Accumulates all elements reduced for a kept index, or as many along `cut` as the extents given say. */
export function accumulateAcross(
  f: FunctionBuilder,
  body: ReductionBody,
  shape: AcrossShape,
  extents: readonly number[],
  accumulator: Accumulator,
): void {
  const loops: AxisLoop[] = body.plan.reducedAxes
    .filter((axis) => axis !== shape.lane)
    .map((axis) => ({ axis, count: extents[axis] }))
  nest(f, body.prologue.cursors, loops, () =>
    emitReducedRow(f, body, shape, extents[shape.lane], accumulator),
  )
}

/** Folds the accumulator and stores the one result at the cursors. */
export function emitResultAcross(f: FunctionBuilder, body: ReductionBody, accumulator: Accumulator): void {
  const [result] = accumulator.finish()
  emitEpilogue(f, body, { axis: undefined, at: body.plan.extents.map(() => 0), lanes: 1 }, result)
}

/** The kept indices that are a thread's share; without slices, the only one. */
export function emitReduceAcross(
  f: FunctionBuilder,
  body: ReductionBody,
  lane: number,
  slices: Slices | undefined,
  share: ThreadShare,
): void {
  const { extents } = body.plan
  const { cursors } = body.prologue
  const shape = acrossShape(body, lane)
  const accumulator = acrossAccumulator(f, body, shape)
  const one = (): void => {
    accumulator.begin()
    accumulateAcross(f, body, shape, extents, accumulator)
    emitResultAcross(f, body, accumulator)
  }
  if (slices === undefined) {
    one()
    return
  }
  forEachSlice(f, cursors, extents, slices, share, (count) => {
    repeatBy(f, count, () => {
      const loops = slices.inner.map((axis) => ({ axis, count: extents[axis] }))
      nest(f, cursors, loops, one)
      cursors.advance(slices.axis, 1)
    })
  })
}
