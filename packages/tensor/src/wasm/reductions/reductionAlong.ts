/**
 * Reduction with the lanes along a kept axis: strips of a few vectors go down all reduced axes, one accumulator
 * chain a vector, and the epilogue works on four results at once. What does not change down the strip is
 * computed once in front of it.
 *
 * Where much is reduced, a strip that went all the way down would read a few bytes of every page. Instead all strips of
 * a panel go down a few rows, and then the next few: their states lie in scratch memory meanwhile.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { pushMinimum } from '../assembler/minimum.ts'
import type { ThreadShare } from '../kernelArguments.ts'
import type { Place } from '../loops/loopBody.ts'
import { emitLoopInvariants, emitValues } from '../loops/loopBody.ts'
import { vectorsPerTurn } from '../loops/loopKernelRows.ts'
import type { AxisLoop } from '../loops/loopNest.ts'
import { nest, repeat, repeatBy } from '../loops/loopNest.ts'
import type { Slices } from '../loops/slices.ts'
import { forEachSlice } from '../loops/slices.ts'
import type { Accumulator } from './reductionAccumulator.ts'
import { createAccumulator } from './reductionAccumulator.ts'
import type { ReductionBody, ReductionPlan } from './reductionBody.ts'
import { emitEpilogue } from './reductionBody.ts'

/** Neighbouring results along the lane axis. */
export interface Strip {
  /** One a vector. */
  readonly places: readonly Place[]
  readonly accumulator: Accumulator
}

/** Results of a whole strip. */
export const stripWidth = ({ prologue }: ReductionPlan): number => 4 * vectorsPerTurn(prologue)

function createStrip(f: FunctionBuilder, { plan }: ReductionBody, lane: number, count: number): Strip {
  const { kernel, dtype, extents } = plan
  const places = Array.from({ length: Math.ceil(count / 4) }, (_, chain): Place => {
    const at = extents.map((_extent, axis) => (axis === lane ? 4 * chain : 0))
    return { axis: lane, at, lanes: Math.min(4, count - 4 * chain) }
  })
  const shape = { direction: 'along', chains: places.length } as const
  return { places, accumulator: createAccumulator(f, kernel.reducer, dtype, shape) }
}

/** Accumulates the reduced elements that the extents say, for one strip. */
export function accumulateAlong(
  f: FunctionBuilder,
  { plan, prologue }: ReductionBody,
  { places, accumulator }: Strip,
  extents: readonly number[],
): void {
  const { cursors } = prologue
  const known = places.map((place) => emitLoopInvariants(f, prologue, plan.reducedAxes, place))
  const loops: AxisLoop[] = plan.reducedAxes.map((axis) => ({ axis, count: extents[axis] }))
  const innermost = loops[loops.length - 1]
  const turns = (number: number): void => {
    accumulator.beginBlock()
    repeat(f, number, () => {
      places.forEach((place, chain) => {
        const [value] = emitValues(f, prologue, place, known[chain])
        accumulator.add(chain, value, place.lanes)
      })
      accumulator.endTurn()
      cursors.advance(innermost.axis, 1)
    })
    accumulator.endBlock()
  }
  nest(f, cursors, loops.slice(0, -1), () => {
    const { axis, count: length } = innermost
    const blocks = Math.floor(length / accumulator.blockLength)
    repeat(f, blocks, () => turns(accumulator.blockLength))
    const rest = blocks === 0 ? length : length - blocks * accumulator.blockLength
    if (rest > 0) turns(rest)
    cursors.advance(axis, -length)
  })
}

/** Folds a strip's accumulator and stores its results. */
export function emitResultsAlong(f: FunctionBuilder, body: ReductionBody, strip: Strip): void {
  strip.accumulator.finish().forEach((result, chain) => emitEpilogue(f, body, strip.places[chain], result))
}

/** Bytes of a strip's state. */
export const stripBytes = ({ accumulator }: Strip): number => 16 * accumulator.stateVectors

/**
 * Emits code for each strip of `count` results: whole strips, and the one of the rest at the end of the lane axis. The
 * local `state` moves on from strip to strip; the cursors are left where they were.
 */
export function forEachStrip(
  f: FunctionBuilder,
  body: ReductionBody,
  lane: number,
  count: Local,
  state: Local,
  emit: (strip: Strip) => void,
): void {
  const { plan, prologue } = body
  const width = stripWidth(plan)
  const strips = f.local('i32')
  f.localGet(count).i32Const(Math.log2(width)).i32ShrU().localSet(strips)
  const each = (columns: number): void => {
    const strip = createStrip(f, body, lane, columns)
    emit(strip)
    f.localGet(state).i32Const(stripBytes(strip)).i32Add().localSet(state)
  }
  if (plan.extents[lane] >= width) {
    repeatBy(f, strips, () => {
      each(width)
      prologue.cursors.advance(lane, width)
    })
  }
  const rest = plan.extents[lane] % width
  if (rest > 0) {
    f.localGet(count)
      .i32Const(width - 1)
      .i32And()
    f.ifElse(() => each(rest))
  }
  f.localGet(strips).i32Const(-width).i32Mul().localSet(strips)
  prologue.cursors.advanceBy(lane, strips)
}

/** Heuristic: rows of a pass. Hardware follows few streams from memory. */
const rowsPerPass = 8

/** Results of a panel: their states stay in the first cache. */
const panelWidth = 2048

/** Upper bound of the bytes that strips' states take in a thread's scratch memory. */
export const stripsScratch = (plan: ReductionPlan): number =>
  plan.isLarge ? 16 * (panelWidth + stripWidth(plan)) : 0

/** The passes of a panel: boxes of the reduced axes, and what moves from one to the next. */
function forEachPass(
  f: FunctionBuilder,
  { plan, prologue: { cursors } }: ReductionBody,
  pass: (extents: readonly number[], rows: number) => void,
): void {
  const { extents, reducedAxes } = plan
  const axes = [...reducedAxes]
  let inside = 1
  while (axes.length > 1 && inside * extents[axes[axes.length - 1]] < rowsPerPass)
    inside *= extents[axes.pop() ?? 0]
  const axis = axes[axes.length - 1]
  const block = Math.max(1, Math.floor(rowsPerPass / inside))
  const blocks = Math.floor(extents[axis] / block)
  const rest = extents[axis] - blocks * block
  const outerAxes = axes.slice(0, -1)
  const box = (count: number): void => {
    const within = extents.map((extent, each) =>
      each === axis ? count : outerAxes.includes(each) ? 1 : extent,
    )
    pass(within, inside * count)
    cursors.advance(axis, count)
  }
  const outer = outerAxes.map((each) => ({ axis: each, count: extents[each] }))
  nest(f, cursors, outer, () => {
    repeat(f, blocks, () => box(block))
    if (rest > 0) box(rest)
    cursors.advance(axis, -extents[axis])
  })
}

/** All results of a panel of `count` columns, pass by pass. */
function emitStreamedPanel(
  f: FunctionBuilder,
  body: ReductionBody,
  lane: number,
  count: Local,
  own: Local,
): void {
  const state = f.local('i32')
  const position = f.local('i32')
  const strips = (emit: (strip: Strip) => void): void => {
    f.localGet(own).localSet(state)
    forEachStrip(f, body, lane, count, state, emit)
  }
  strips(({ accumulator }) => {
    accumulator.begin()
    accumulator.save(state)
  })
  f.i32Const(0).localSet(position)
  forEachPass(f, body, (extents, rows) => {
    strips((strip) => {
      strip.accumulator.load(state, position)
      accumulateAlong(f, body, strip, extents)
      strip.accumulator.save(state)
    })
    f.localGet(position).i32Const(rows).i32Add().localSet(position)
  })
  strips((strip) => {
    strip.accumulator.load(state)
    emitResultsAlong(f, body, strip)
  })
}

/** The kept indices that are a thread's share. */
export function emitReduceAlong(
  f: FunctionBuilder,
  body: ReductionBody,
  lane: number,
  slices: Slices,
  { own, ...range }: ThreadShare,
): void {
  const { plan, prologue } = body
  const { cursors } = prologue
  const { extents } = plan
  const columns = f.local('i32')
  const state = f.local('i32')
  const left = f.local('i32')
  const panel = f.local('i32')
  const streamed = (): void => {
    f.localGet(columns).localSet(left)
    f.loop((again) => {
      pushMinimum(f, left, panelWidth).localSet(panel)
      emitStreamedPanel(f, body, lane, panel, own)
      cursors.advanceBy(lane, panel)
      f.localGet(left).localGet(panel).i32Sub().localTee(left).brIf(again)
    })
    f.i32Const(0).localGet(columns).i32Sub().localSet(panel)
    cursors.advanceBy(lane, panel)
  }
  const resident = (): void =>
    forEachStrip(f, body, lane, columns, state, (strip) => {
      strip.accumulator.begin()
      accumulateAlong(f, body, strip, extents)
      emitResultsAlong(f, body, strip)
    })
  const emitColumns = plan.isLarge ? streamed : resident
  forEachSlice(f, cursors, extents, slices, range, (count) => {
    if (slices.axis === lane) {
      f.localGet(count).localSet(columns)
      emitColumns()
      return
    }
    f.i32Const(extents[lane]).localSet(columns)
    const loops = slices.inner.filter((axis) => axis !== lane).map((axis) => ({ axis, count: extents[axis] }))
    repeatBy(f, count, () => {
      nest(f, cursors, loops, emitColumns)
      cursors.advance(slices.axis, 1)
    })
  })
}
