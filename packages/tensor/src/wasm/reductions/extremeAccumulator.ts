/**
 * Accumulator of `max`. For float32 a NaN must survive: `f32x4.max` would see to it with about eight machine
 * instructions. Here one takes the larger, which ignores a NaN, and two more keep a mask of the lanes that have seen
 * one.
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
  const first = <Each>(list: readonly Each[]): readonly Each[] => (across ? list.slice(0, 1) : list)
  const state = [...first(values), ...first(unordered)]
  const loaded = vectorLocals(f, state.length)
  const takeLarger = (value: Local, other: Local): void => {
    f.localGet(value).localGet(other)
    f[larger]().localSet(value)
  }
  const either = (mask: Local, other: Local): void => {
    f.localGet(mask).localGet(other).v128Or().localSet(mask)
  }
  const begin = (): void => {
    for (const value of values) {
      pushLeast(f, dtype)
      f.localSet(value)
    }
    for (const mask of unordered) f.i32x4Const(0).localSet(mask)
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
    },
    endTurn: () => undefined,
    endBlock: () => undefined,
    save(to) {
      if (across) {
        foldChains(values, takeLarger)
        if (isFloat) foldChains(unordered, either)
      }
      saveVectors(f, to, state)
    },
    merge(from) {
      loadVectors(f, from, loaded)
      const count = state.length / (isFloat ? 2 : 1)
      state.forEach((vector, i) => {
        if (i < count) takeLarger(vector, loaded[i])
        else either(vector, loaded[i])
      })
    },
    finish() {
      if (across) {
        foldLanes(f, foldChains(values, takeLarger), takeLarger)
        if (isFloat) foldLanes(f, foldChains(unordered, either), either)
      }
      // All bits set is a NaN.
      first(unordered).forEach((mask, i) => either(values[i], mask))
      return [...first(values)]
    },
  }
}
