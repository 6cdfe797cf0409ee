/**
 * Accumulators of reductions: several chains of four lanes, so that the additions of one do not wait for those of
 * another. A reduction goes either across its lanes (they are elements of the reduced axis, and all chains and
 * lanes are folded at the end) or along them (each lane is a result of its own).
 *
 * What an accumulator has taken so far is its state: a few vectors, which can be kept in memory, taken up again, and
 * merged with the state of the elements that come after. So a long reduction is cut into blocks that threads share.
 */
import type { Dtype } from '../../dtype.ts'
import type { Reducer } from '../../kernel/kernel.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { laneBytes } from '../loops/laneMemory.ts'
import { extremeAccumulator } from './extremeAccumulator.ts'
import { positionAccumulator } from './positionAccumulator.ts'
import { floatSumAccumulator, integerSumAccumulator } from './sumAccumulator.ts'

export type ReductionDirection = 'across' | 'along'

export interface Accumulator {
  /** Turns after which a block must end. */
  readonly blockLength: number
  /** The state, in 16-byte vectors. */
  readonly stateVectors: number
  /** Starts a reduction; the first element that comes has that position, 0 if left out. */
  begin(position?: Local): void
  /** Goes on from a state in memory, with the element at that position. */
  load(from: Local, position?: Local): void
  beginBlock(): void
  /** Puts two vectors into the first, to be added as one; absent where that cannot be. */
  readonly combine?: (value: Local, other: Local) => void
  /** Takes a vector into a chain; across lanes, those from number `lanes` on are ignored. */
  add(chain: number, value: Local, lanes: number): void
  /** Ends a turn: one vector a chain. */
  endTurn(): void
  endBlock(): void
  /** Writes the state; across lanes nothing may be added any more. */
  save(to: Local): void
  /** Takes over a state of later elements. */
  merge(from: Local): void
  /** Across lanes one vector with the result in lane 0, along lanes one vector a chain. */
  finish(): Local[]
}

/** What an accumulator is made for. */
export interface AccumulatorShape {
  readonly direction: ReductionDirection
  readonly chains: number
}

/** Vectors of the state of a reduction: across lanes in all, along them of each chain. */
export function vectorsOfState(reducer: Reducer, dtype: Dtype, direction: ReductionDirection): number {
  if (reducer === 'argMax') return 2
  if (dtype !== 'float32') return 1
  if (reducer === 'max') return 3
  return direction === 'across' ? 1 : 2
}

/** Pushes the vector with `rest` in the lanes from number `lanes` on. */
export function pushMasked(f: FunctionBuilder, value: Local, lanes: number, pushRest: () => void): void {
  f.localGet(value)
  if (lanes === 4) return
  pushRest()
  f.v128Const(laneBytes([0, 1, 2, 3].map((lane) => (lane < lanes ? -1 : 0)))).v128Bitselect()
}

export const vectorLocals = (f: FunctionBuilder, count: number): Local[] =>
  Array.from({ length: count }, () => f.local('v128'))

/** Folds the vectors into the first of them, pairwise. */
export function foldChains(chains: readonly Local[], combine: (value: Local, other: Local) => void): Local {
  for (let distance = 1; distance < chains.length; distance *= 2) {
    for (let i = 0; i + distance < chains.length; i += 2 * distance) combine(chains[i], chains[i + distance])
  }
  return chains[0]
}

/** Folds the lanes of a vector: lane 0 has the result. */
export function foldLanes(
  f: FunctionBuilder,
  value: Local,
  combine: (value: Local, other: Local) => void,
): void {
  const other = f.local('v128')
  for (const lanes of [
    [2, 3, 0, 1],
    [1, 0, 3, 2],
  ]) {
    f.localGet(value).localGet(value).i32x4Shuffle(lanes).localSet(other)
    combine(value, other)
  }
}

/** Writes vectors to neighbouring places. */
export function saveVectors(f: FunctionBuilder, to: Local, vectors: readonly Local[]): void {
  vectors.forEach((vector, i) =>
    f
      .localGet(to)
      .localGet(vector)
      .v128Store(16 * i),
  )
}

/** Reads vectors from neighbouring places. */
export function loadVectors(f: FunctionBuilder, from: Local, vectors: readonly Local[]): void {
  vectors.forEach((vector, i) =>
    f
      .localGet(from)
      .v128Load(16 * i)
      .localSet(vector),
  )
}

/** The accumulator of a reducer. */
export function createAccumulator(
  f: FunctionBuilder,
  reducer: Reducer,
  dtype: Dtype,
  shape: AccumulatorShape,
): Accumulator {
  switch (reducer) {
    case 'argMax':
      return positionAccumulator(f, dtype, shape)
    case 'max':
      return extremeAccumulator(f, dtype, shape)
    case 'sum':
      return dtype === 'float32' ? floatSumAccumulator(f, shape) : integerSumAccumulator(f, shape)
  }
}
