/**
 * Accumulators of sums. A float32 sum is accumulated in float32 only within blocks of bounded length and in float64
 * from block to block, so that its relative error stays near 2⁻²⁴ whatever the length; blocks, chains and lanes are
 * a fixed tree. Integers are exact modulo 2³².
 */
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

type Addition = 'f32x4Add' | 'i32x4Add' | 'f64x2Add'

/** value += other. */
const adder =
  (f: FunctionBuilder, instruction: Addition) =>
  (value: Local, other: Local): void => {
    f.localGet(value).localGet(other)
    f[instruction]().localSet(value)
  }

const clear = (f: FunctionBuilder, vectors: readonly Local[]): void => {
  for (const vector of vectors) f.i32x4Const(0).localSet(vector)
}

/** Adds the vectors in memory. */
function addVectors(f: FunctionBuilder, from: Local, vectors: readonly Local[], addition: Addition): void {
  vectors.forEach((vector, i) => {
    f.localGet(vector)
      .localGet(from)
      .v128Load(16 * i)
    f[addition]().localSet(vector)
  })
}

const maskedAdd = (f: FunctionBuilder, sum: Local, value: Local, lanes: number, addition: Addition): void => {
  f.localGet(sum)
  pushMasked(f, value, lanes, () => f.i32x4Const(0))
  f[addition]().localSet(sum)
}

export function integerSumAccumulator(
  f: FunctionBuilder,
  { direction, chains }: AccumulatorShape,
): Accumulator {
  const across = direction === 'across'
  const values = vectorLocals(f, chains)
  const combine = adder(f, 'i32x4Add')
  const state = across ? values.slice(0, 1) : values
  return {
    blockLength: Infinity,
    stateVectors: state.length,
    begin: () => clear(f, values),
    load(from) {
      clear(f, values)
      loadVectors(f, from, state)
    },
    beginBlock: () => undefined,
    combine,
    add: (chain, value, lanes) => maskedAdd(f, values[chain], value, across ? lanes : 4, 'i32x4Add'),
    endTurn: () => undefined,
    endBlock: () => undefined,
    save(to) {
      if (across) foldChains(values, combine)
      saveVectors(f, to, state)
    },
    merge: (from) => addVectors(f, from, state, 'i32x4Add'),
    finish() {
      if (!across) return values
      const total = foldChains(values, combine)
      foldLanes(f, total, combine)
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

export function floatSumAccumulator(
  f: FunctionBuilder,
  { direction, chains }: AccumulatorShape,
): Accumulator {
  const across = direction === 'across'
  const values = vectorLocals(f, chains)
  const totals = vectorLocals(f, across ? 1 : 2 * chains)
  const combine = adder(f, 'f32x4Add')
  const addTo = (total: Local): void => {
    f.localGet(total).f64x2Add().localSet(total)
  }
  return {
    // Across lanes a block is 64·chains elements, or twice that; along lanes, 32 elements of each result.
    blockLength: across ? 16 : 32,
    stateVectors: totals.length,
    begin: () => clear(f, totals),
    load: (from) => loadVectors(f, from, totals),
    beginBlock: () => clear(f, values),
    combine,
    add: (chain, value, lanes) => maskedAdd(f, values[chain], value, across ? lanes : 4, 'f32x4Add'),
    endTurn: () => undefined,
    endBlock() {
      if (across) {
        const sum = foldChains(values, combine)
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
    save: (to) => saveVectors(f, to, totals),
    merge: (from) => addVectors(f, from, totals, 'f64x2Add'),
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
