/**
 * Reduction of short rows: four rows at once. Each row's vectors lie along the reduced axis, where they are
 * contiguous; four rows' vectors are transposed in registers, so that each lane is a row and the epilogue works on four
 * results. One row at a time would leave lanes empty, fold them, and evaluate the epilogue for a single element.
 */
import type { FunctionBuilder } from '../assembler/functionBuilder.ts'
import { transposeVectors } from '../assembler/transposition.ts'
import type { ThreadShare } from '../kernelArguments.ts'
import { emitLoopInvariants, emitValues } from '../loops/loopBody.ts'
import type { Place } from '../loops/loopBody.ts'
import { nest, repeat, repeatBy } from '../loops/loopNest.ts'
import type { Slices } from '../loops/slices.ts'
import { forEachSlice } from '../loops/slices.ts'
import { createAccumulator } from './reductionAccumulator.ts'
import type { ReductionBody, ReductionPlan } from './reductionBody.ts'
import { emitEpilogue } from './reductionBody.ts'

/**
 * Heuristic, measured: in longer rows folding the lanes of each costs less than transposing; the less is computed for
 * an element, the sooner.
 */
const shortRow = ({ work }: ReductionPlan): number => (work <= 4 ? 16 : 32)

/** Whether the lanes' axis is all that is reduced, and short, and there are rows enough. */
export const hasShortRows = (plan: ReductionPlan, lane: number): boolean => {
  const { extents, keptAxes, reducedAxes } = plan
  return (
    reducedAxes.length === 1 &&
    extents[lane] <= shortRow(plan) &&
    keptAxes.length > 0 &&
    extents[keptAxes.length - 1] >= 4
  )
}

/** Four rows, or fewer, from the cursors on. */
function emitRows(f: FunctionBuilder, body: ReductionBody, lane: number, rows: number): void {
  const { plan, prologue } = body
  const { kernel, dtype, extents, keptAxes } = plan
  const rowAxis = keptAxes.length - 1
  const accumulator = createAccumulator(f, kernel.reducer, dtype, { direction: 'along', chains: 1 })
  const placeOf = (row: number, lanes: number): Place => {
    const at = extents.map((_, axis) => (axis === rowAxis ? row : 0))
    return { axis: lane, at, lanes }
  }
  const numbers = Array.from({ length: rows }, (_, row) => row)
  const known = numbers.map((row) => emitLoopInvariants(f, prologue, [lane], placeOf(row, 4)))
  /** The next columns. */
  const columns = (count: number): void => {
    const values = numbers.map((row) => emitValues(f, prologue, placeOf(row, count), known[row])[0])
    const full = [0, 1, 2, 3].map((row) => values[Math.min(row, rows - 1)])
    for (const column of transposeVectors(f, full).slice(0, count)) {
      accumulator.add(0, column, 4)
      accumulator.endTurn()
    }
  }
  const count = extents[lane]
  const tiles = Math.floor(count / 4)
  accumulator.begin()
  accumulator.beginBlock()
  repeat(f, tiles, () => {
    columns(4)
    prologue.cursors.advance(lane, 4)
  })
  if (count % 4 > 0) columns(count % 4)
  prologue.cursors.advance(lane, -4 * tiles)
  accumulator.endBlock()
  const [result] = accumulator.finish()
  const at = extents.map(() => 0)
  emitEpilogue(f, body, { axis: rowAxis, at, lanes: rows }, result)
}

/** The rows that are a thread's share. */
export function emitReduceShortRows(
  f: FunctionBuilder,
  body: ReductionBody,
  lane: number,
  slices: Slices,
  share: ThreadShare,
): void {
  const { extents, keptAxes } = body.plan
  const { cursors } = body.prologue
  const rowAxis = keptAxes.length - 1
  const rows = f.local('i32')
  const fours = f.local('i32')
  const emitRange = (): void => {
    f.localGet(rows).i32Const(2).i32ShrU().localSet(fours)
    repeatBy(f, fours, () => {
      emitRows(f, body, lane, 4)
      cursors.advance(rowAxis, 4)
    })
    const rest = extents[rowAxis] % 4
    if (rest > 0) {
      f.localGet(rows).i32Const(3).i32And()
      f.ifElse(() => emitRows(f, body, lane, rest))
    }
    f.localGet(fours).i32Const(-4).i32Mul().localSet(fours)
    cursors.advanceBy(rowAxis, fours)
  }
  forEachSlice(f, cursors, extents, slices, share, (count) => {
    if (slices.axis === rowAxis) {
      f.localGet(count).localSet(rows)
      emitRange()
      return
    }
    f.i32Const(extents[rowAxis]).localSet(rows)
    const loops = slices.inner
      .filter((axis) => axis !== rowAxis)
      .map((axis) => ({ axis, count: extents[axis] }))
    repeatBy(f, count, () => {
      nest(f, cursors, loops, emitRange)
      cursors.advance(slices.axis, 1)
    })
  })
}
