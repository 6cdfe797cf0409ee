/**
 * Accumulator of `max`. For float32 a NaN must survive, and +0 beats −0: `f32x4.max` would see to both with about eight
 * machine instructions. Here one takes the larger, which ignores a NaN and keeps the first of two zeros; two more keep a
 * mask of the lanes that have seen a NaN, and one the conjunction of all elements. Its sign bit is set where every
 * element has one, so
 *   max = larger ∧ (conjunction ∨ 2³¹ − 1):
 * a positive number has no sign to lose, a negative one is largest only where all have a sign, and −0 becomes +0 where
 * some zero was +0.
 */
import type { Dtype } from '../../dtype.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { Accumulator, AccumulatorShape } from './reductionAccumulator.ts'
import {
  foldChains,
  foldLanes,
  loadVectors,
  pushMasked,
  saveVectors,
  vectorLocals,
} from './reductionAccumulator.ts'

/** Pushes the vector that changes nothing. */
export function pushLeast(f: FunctionBuilder, dtype: Dtype): void {
  if (dtype === 'float32') f.f32x4Const(-Infinity)
  else f.i32x4Const(dtype === 'int32' ? -(2 ** 31) : 0)
}

export function extremeAccumulator(
  f: FunctionBuilder,
  dtype: Dtype,
  { direction, chains }: AccumulatorShape,
): Accumulator {
  const across = direction === 'across'
  const isFloat = dtype === 'float32'
  const larger = isFloat ? 'f32x4Pmax' : dtype === 'int32' ? 'i32x4MaxS' : 'i32x4MaxU'
  const values = vectorLocals(f, chains)
  const unordered = isFloat ? vectorLocals(f, chains) : []
  const conjunctions = isFloat ? vectorLocals(f, chains) : []
  const first = <Each>(list: readonly Each[]): readonly Each[] => (across ? list.slice(0, 1) : list)
  const state = [...first(values), ...first(unordered), ...first(conjunctions)]
  const loaded = vectorLocals(f, state.length)
  const takeLarger = (value: Local, other: Local): void => {
    f.localGet(value).localGet(other)
    f[larger]().localSet(value)
  }
  const either = (mask: Local, other: Local): void => {
    f.localGet(mask).localGet(other).v128Or().localSet(mask)
  }
  const both = (mask: Local, other: Local): void => {
    f.localGet(mask).localGet(other).v128And().localSet(mask)
  }
  const begin = (): void => {
    for (const value of values) {
      pushLeast(f, dtype)
      f.localSet(value)
    }
    for (const mask of unordered) f.i32x4Const(0).localSet(mask)
    for (const mask of conjunctions) f.i32x4Const(-1).localSet(mask)
  }
  return {
    blockLength: Infinity,
    stateVectors: state.length,
    begin,
    load(from) {
      begin()
      loadVectors(f, from, state)
    },
    beginBlock: () => undefined,
    ...(isFloat ? {} : { combine: takeLarger }),
    add(chain, value, lanes) {
      f.localGet(values[chain])
      pushMasked(f, value, across ? lanes : 4, () => pushLeast(f, dtype))
      f[larger]().localSet(values[chain])
      if (!isFloat) return
      f.localGet(value).localGet(value).f32x4Ne()
      if (across && lanes < 4) {
        f.localSet(loaded[0])
        pushMasked(f, loaded[0], lanes, () => f.i32x4Const(0))
      }
      f.localGet(unordered[chain]).v128Or().localSet(unordered[chain])
      f.localGet(conjunctions[chain])
      pushMasked(f, value, across ? lanes : 4, () => f.i32x4Const(-1))
      f.v128And().localSet(conjunctions[chain])
    },
    endTurn: () => undefined,
    endBlock: () => undefined,
    save(to) {
      if (across) {
        foldChains(values, takeLarger)
        if (isFloat) {
          foldChains(unordered, either)
          foldChains(conjunctions, both)
        }
      }
      saveVectors(f, to, state)
    },
    merge(from) {
      loadVectors(f, from, loaded)
      const folds = [takeLarger, either, both]
      const chainsOfState = first(values).length
      state.forEach((vector, i) => folds[Math.floor(i / chainsOfState)](vector, loaded[i]))
    },
    finish() {
      if (across) {
        foldLanes(f, foldChains(values, takeLarger), takeLarger)
        if (isFloat) {
          foldLanes(f, foldChains(unordered, either), either)
          foldLanes(f, foldChains(conjunctions, both), both)
        }
      }
      first(conjunctions).forEach((mask, i) => {
        f.localGet(values[i]).localGet(mask).i32x4Const(0x7fffffff).v128Or().v128And().localSet(values[i])
      })
      // All bits set is a NaN.
      first(unordered).forEach((mask, i) => either(values[i], mask))
      return [...first(values)]
    },
  }
}
