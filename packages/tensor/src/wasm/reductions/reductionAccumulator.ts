/**
 * Accumulators of reductions: several chains of four lanes, so that the additions of one do not wait for those of
 * another. A reduction goes either across its lanes (they are elements of the reduced axis, and all chains and
 * lanes are folded at the end) or along them (each lane is a result of its own).
 *
 * A float32 sum is accumulated in float32 only within blocks of bounded length and in float64 from block to
 * block, so that its relative error stays near 2⁻²⁴ whatever the length; blocks, chains and lanes are a fixed tree.
 * `argMax` carries the position beside the value; a NaN counts as larger than any number and the first of
 * equals wins.
 */
import type { Dtype } from '../../dtype.ts'
import type { Reducer } from '../../kernel/kernel.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { laneBytes } from '../loops/laneMemory.ts'
import { positionAccumulator } from './reductionPosition.ts'

export type ReductionDirection = 'across' | 'along'

export interface Accumulator {
  /** Turns after which a block must end. */
  readonly blockLength: number
  /** Starts a reduction. */
  begin(): void
  beginBlock(): void
  /** Takes a vector into a chain; across lanes, those from number `lanes` on are ignored. */
  add(chain: number, value: Local, lanes: number): void
  /** Ends a turn: one vector a chain. */
  endTurn(): void
  endBlock(): void
  /** Across lanes one vector with the result in lane 0, along lanes one vector a chain. */
  finish(): Local[]
}

/** What an accumulator is made for. */
export interface AccumulatorShape {
  readonly direction: ReductionDirection
  readonly chains: number
}

export type Combine = 'f32x4Add' | 'i32x4Add' | 'f32x4Max' | 'i32x4MaxS' | 'i32x4MaxU'

const combineOf = (reducer: Reducer, dtype: Dtype): Combine => {
  if (reducer === 'sum') return dtype === 'float32' ? 'f32x4Add' : 'i32x4Add'
  return dtype === 'float32' ? 'f32x4Max' : dtype === 'int32' ? 'i32x4MaxS' : 'i32x4MaxU'
}

/** Pushes the vector that changes nothing. */
export function pushIdentity(f: FunctionBuilder, reducer: Reducer, dtype: Dtype): void {
  if (reducer === 'sum') f.i32x4Const(0)
  else if (dtype === 'float32') f.f32x4Const(-Infinity)
  else f.i32x4Const(dtype === 'int32' ? -(2 ** 31) : 0)
}

/** Puts the value on the stack with the identity in the lanes from number `lanes` on. */
export function pushMasked(
  f: FunctionBuilder,
  value: Local,
  lanes: number,
  reducer: Reducer,
  dtype: Dtype,
): void {
  f.localGet(value)
  if (lanes === 4) return
  pushIdentity(f, reducer, dtype)
  f.v128Const(laneBytes([0, 1, 2, 3].map((lane) => (lane < lanes ? -1 : 0)))).v128Bitselect()
}

export const vectorLocals = (f: FunctionBuilder, count: number): Local[] =>
  Array.from({ length: count }, () => f.local('v128'))

/** Folds the vectors into the first of them, pairwise. */
export function foldChains(f: FunctionBuilder, chains: readonly Local[], combine: Combine): Local {
  let distance = 1
  for (; distance < chains.length; distance *= 2) {
    for (let i = 0; i + distance < chains.length; i += 2 * distance) {
      f.localGet(chains[i]).localGet(chains[i + distance])
      f[combine]().localSet(chains[i])
    }
  }
  return chains[0]
}

/** Sums of integers and maxima: exact, so one level is enough. */
function plainAccumulator(
  f: FunctionBuilder,
  reducer: Reducer,
  dtype: Dtype,
  { direction, chains }: AccumulatorShape,
): Accumulator {
  const values = vectorLocals(f, chains)
  const combine = combineOf(reducer, dtype)
  return {
    blockLength: Infinity,
    begin() {
      for (const value of values) {
        pushIdentity(f, reducer, dtype)
        f.localSet(value)
      }
    },
    beginBlock: () => undefined,
    add(chain, value, lanes) {
      f.localGet(values[chain])
      pushMasked(f, value, direction === 'across' ? lanes : 4, reducer, dtype)
      f[combine]().localSet(values[chain])
    },
    endTurn: () => undefined,
    endBlock: () => undefined,
    finish() {
      if (direction === 'along') return values
      const total = foldChains(f, values, combine)
      for (const lanes of [
        [2, 3, 0, 1],
        [1, 0, 3, 2],
      ]) {
        f.localGet(total).localGet(total).localGet(total).i32x4Shuffle(lanes)[combine]().localSet(total)
      }
      return [total]
    },
  }
}

/** Pushes the upper or lower two lanes as float64. */
function pushPromoted(f: FunctionBuilder, value: Local, upper: boolean): void {
  f.localGet(value)
  if (upper) f.localGet(value).i32x4Shuffle([2, 3, 2, 3])
  f.f64x2PromoteLowF32x4()
}

function floatSumAccumulator(f: FunctionBuilder, { direction, chains }: AccumulatorShape): Accumulator {
  const across = direction === 'across'
  const values = vectorLocals(f, chains)
  const totals = vectorLocals(f, across ? 1 : 2 * chains)
  const addTo = (total: Local): void => {
    f.localGet(total).f64x2Add().localSet(total)
  }
  return {
    // Across lanes a block is 64·chains elements; along lanes, 32 elements of each result.
    blockLength: across ? 16 : 32,
    begin() {
      for (const total of totals) f.i32x4Const(0).localSet(total)
    },
    beginBlock() {
      for (const value of values) f.i32x4Const(0).localSet(value)
    },
    add(chain, value, lanes) {
      f.localGet(values[chain])
      pushMasked(f, value, across ? lanes : 4, 'sum', 'float32')
      f.f32x4Add().localSet(values[chain])
    },
    endTurn: () => undefined,
    endBlock() {
      if (across) {
        const sum = foldChains(f, values, 'f32x4Add')
        pushPromoted(f, sum, false)
        pushPromoted(f, sum, true)
        f.f64x2Add()
        addTo(totals[0])
        return
      }
      values.forEach((value, i) => {
        pushPromoted(f, value, false)
        addTo(totals[2 * i])
        pushPromoted(f, value, true)
        addTo(totals[2 * i + 1])
      })
    },
    finish() {
      if (across) {
        f.localGet(totals[0]).f64x2ExtractLane(0).localGet(totals[0]).f64x2ExtractLane(1).f64Add()
        f.f32DemoteF64().f32x4Splat().localSet(values[0])
        return [values[0]]
      }
      values.forEach((value, i) => {
        f.localGet(totals[2 * i])
          .f32x4DemoteF64x2Zero()
          .localGet(totals[2 * i + 1])
          .f32x4DemoteF64x2Zero()
        f.i32x4Shuffle([0, 1, 4, 5]).localSet(value)
      })
      return values
    },
  }
}

/** The accumulator of a reducer. */
export function createAccumulator(
  f: FunctionBuilder,
  reducer: Reducer,
  dtype: Dtype,
  shape: AccumulatorShape,
): Accumulator {
  if (reducer === 'argMax') return positionAccumulator(f, dtype, shape)
  if (reducer === 'sum' && dtype === 'float32') return floatSumAccumulator(f, shape)
  return plainAccumulator(f, reducer, dtype, shape)
}
