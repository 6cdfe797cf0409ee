/**
 * Accumulator of `argMax`: per lane the largest value so far and its position. x beats b if b is no NaN and not
 * x ≤ b (so a NaN beats every number, and of equals the first stays); lanes are folded by the same rule, with
 * the smaller position where neither beats the other.
 */
import type { Dtype } from '../../dtype.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { laneBytes } from '../loops/laneMemory.ts'
import { pushLeast } from './extremeAccumulator.ts'
import type { Accumulator, AccumulatorShape } from './reductionAccumulator.ts'
import { loadVectors, pushMasked, saveVectors, vectorLocals } from './reductionAccumulator.ts'

const greater = { int32: 'i32x4GtS', uint32: 'i32x4GtU' } as const

/** Pushes the mask of the lanes in which `x` beats `best`. */
function pushBeats(f: FunctionBuilder, x: Local, best: Local, dtype: Dtype): void {
  if (dtype !== 'float32') {
    f.localGet(x).localGet(best)[greater[dtype === 'int32' ? 'int32' : 'uint32']]()
    return
  }
  f.localGet(best).localGet(best).f32x4Eq()
  f.localGet(x).localGet(best).f32x4Le().v128Andnot()
}

export function positionAccumulator(
  f: FunctionBuilder,
  dtype: Dtype,
  { direction, chains }: AccumulatorShape,
): Accumulator {
  const across = direction === 'across'
  const best = vectorLocals(f, chains)
  const bestPosition = vectorLocals(f, chains)
  const position = f.local('v128')
  const candidate = f.local('v128')
  const mask = f.local('v128')
  const choose = (chain: number, value: Local, at: Local): void => {
    f.localGet(value).localGet(best[chain]).localGet(mask).v128Bitselect().localSet(best[chain])
    f.localGet(at).localGet(bestPosition[chain]).localGet(mask).v128Bitselect()
    f.localSet(bestPosition[chain])
  }
  const foldLanes = (lanes: readonly number[]): void => {
    const other = f.local('v128')
    const otherPosition = f.local('v128')
    const swap = (from: Local, to: Local) => f.localGet(from).localGet(from).i32x4Shuffle(lanes).localSet(to)
    swap(best[0], other)
    swap(bestPosition[0], otherPosition)
    pushBeats(f, other, best[0], dtype)
    f.localGet(otherPosition).localGet(bestPosition[0]).i32x4LtS()
    pushBeats(f, best[0], other, dtype)
    f.v128Andnot().v128Or().localSet(mask)
    choose(0, other, otherPosition)
  }
  const beginAt = (start: Local | undefined): void => {
    const lanes = laneBytes(across ? [0, 1, 2, 3] : [0, 0, 0, 0])
    if (start === undefined) f.v128Const(lanes)
    else f.localGet(start).i32x4Splat().v128Const(lanes).i32x4Add()
    f.localSet(position)
  }
  const state = [...best, ...bestPosition]
  const [later, laterPosition] = [vectorLocals(f, chains), vectorLocals(f, chains)]
  return {
    blockLength: Infinity,
    stateVectors: state.length,
    begin(start) {
      beginAt(start)
      // A lane of the identity stands for its own first element, which it can only equal.
      for (const [i, value] of best.entries()) {
        pushLeast(f, dtype)
        f.localSet(value).localGet(position).localSet(bestPosition[i])
      }
    },
    load(from, start) {
      beginAt(start)
      loadVectors(f, from, state)
    },
    beginBlock: () => undefined,
    add(chain, value, lanes) {
      pushMasked(f, value, across ? lanes : 4, () => pushLeast(f, dtype))
      f.localSet(candidate)
      pushBeats(f, candidate, best[chain], dtype)
      f.localSet(mask)
      choose(chain, candidate, position)
    },
    endTurn() {
      f.localGet(position)
        .i32x4Const(across ? 4 : 1)
        .i32x4Add()
        .localSet(position)
    },
    endBlock: () => undefined,
    save: (to) => saveVectors(f, to, state),
    merge(from) {
      loadVectors(f, from, [...later, ...laterPosition])
      for (let chain = 0; chain < chains; chain++) {
        pushBeats(f, later[chain], best[chain], dtype)
        f.localSet(mask)
        choose(chain, later[chain], laterPosition[chain])
      }
    },
    finish() {
      if (!across) return bestPosition
      foldLanes([2, 3, 0, 1])
      foldLanes([1, 0, 3, 2])
      return [bestPosition[0]]
    },
  }
}
