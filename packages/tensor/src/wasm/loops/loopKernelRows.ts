/**
 * Element-wise loops row by row: all axes but the lane axis are plain loops, the lane axis goes four elements
 * at a time, several vectors a turn, and ends with a vector of fewer lanes. What does not change along the
 * row is computed once in front of it.
 *
 * Shared among threads, rows or parts of rows are units; parts are multiples of `rowGranule`, so that only the last
 * part of a row has vectors of fewer lanes, and threads write to cache lines of their own where rows begin on one.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { LoopBody } from './loopBody.ts'
import { emitLoopInvariants, emitStores, emitValues } from './loopBody.ts'
import { loopsOver, nest, repeat, repeatBy } from './loopNest.ts'
import type { SliceRange, Slices } from './slices.ts'
import { forEachSlice } from './slices.ts'
import { instructionCount } from '../elements/vectorEmission.ts'

/** A box of the iteration space. */
export interface Region {
  readonly extents: readonly number[]
  /** Steps from the cursors to its first element. */
  readonly origin: readonly number[]
}

/**
 * Vectors a turn. Heuristic: cheap bodies are unrolled to save the loop's own instructions, long ones are not,
 * and V8 before version 12 moves all loads of a turn to its start, so that their number is bounded. A power of two.
 */
export function vectorsPerTurn({
  roots,
  inputs,
}: {
  readonly roots: LoopBody['roots']
  readonly inputs: readonly unknown[]
}): number {
  const instructions = instructionCount(roots)
  const wanted = instructions <= 8 ? 4 : instructions <= 24 ? 2 : 1
  const bound = Math.max(1, Math.floor(12 / Math.max(1, inputs.length)))
  return Math.min(wanted, 2 ** Math.floor(Math.log2(bound)))
}

/** Elements: a cache line, and a multiple of what a turn takes. */
export const rowGranule = 16

/** One row of `count` elements that starts at `origin`. */
export function emitRow(
  f: FunctionBuilder,
  body: LoopBody,
  axis: number,
  count: number,
  origin: readonly number[],
): void {
  const known = emitLoopInvariants(f, body, [axis], { axis, at: origin, lanes: 4 })
  const emit = (position: number, lanes: number): void => {
    const at = origin.map((start, a) => (a === axis ? start + position : start))
    const place = { axis, at, lanes }
    emitStores(f, body, place, emitValues(f, body, place, known))
  }
  const width = 4 * vectorsPerTurn(body)
  const turns = Math.floor(count / width)
  const moves = turns > 1
  repeat(f, turns, () => {
    for (let position = 0; position < width; position += 4) emit(position, 4)
    if (moves) body.cursors.advance(axis, width)
  })
  const done = turns * width
  const shift = moves ? done : 0
  for (let position = done; position < count; position += 4) {
    emit(position - shift, Math.min(4, count - position))
  }
  if (moves) body.cursors.advance(axis, -done)
}

/**
 * A part of a row of `extent` elements: `count`, a multiple of `rowGranule` except at the end of the row. The cursors
 * are left where the whole turns end.
 */
function emitPartOfRow(
  f: FunctionBuilder,
  body: LoopBody,
  axis: number,
  { extents, origin }: Region,
  count: Local,
): void {
  const known = emitLoopInvariants(f, body, [axis], { axis, at: origin, lanes: 4 })
  const emit = (position: number, lanes: number): void => {
    const at = origin.map((start, a) => (a === axis ? start + position : start))
    const place = { axis, at, lanes }
    emitStores(f, body, place, emitValues(f, body, place, known))
  }
  const width = 4 * vectorsPerTurn(body)
  const turns = f.local('i32')
  f.localGet(count).i32Const(Math.log2(width)).i32ShrU().localSet(turns)
  repeatBy(f, turns, () => {
    for (let position = 0; position < width; position += 4) emit(position, 4)
    body.cursors.advance(axis, width)
  })
  const rest = extents[axis] % width
  if (rest === 0) return
  f.localGet(count)
    .i32Const(width - 1)
    .i32And()
  f.ifElse(() => {
    for (let position = 0; position < rest; position += 4) emit(position, Math.min(4, rest - position))
  })
}

/** The rows, or parts of rows, of a region that are a thread's share. */
export function emitSlicesOfRows(
  f: FunctionBuilder,
  body: LoopBody,
  lane: number,
  region: Region,
  slices: Slices,
  range: SliceRange,
): void {
  const { extents, origin } = region
  if (slices.units === 1) {
    emitRows(f, body, lane, region)
    return
  }
  const { cursors } = body
  const { axis, inner } = slices
  forEachSlice(f, cursors, extents, slices, range, (count) => {
    if (axis === lane) {
      emitPartOfRow(f, body, lane, region, count)
      return
    }
    const loops = inner.filter((each) => each !== lane).map((each) => ({ axis: each, count: extents[each] }))
    repeatBy(f, count, () => {
      nest(f, cursors, loops, () => emitRow(f, body, lane, extents[lane], origin))
      cursors.advance(axis, 1)
    })
  })
}

/** All rows of a region. */
export function emitRows(f: FunctionBuilder, body: LoopBody, axis: number, region: Region): void {
  const { extents, origin } = region
  if (extents.includes(0)) return
  nest(f, body.cursors, loopsOver(extents, [axis]), () => {
    emitRow(f, body, axis, extents[axis], origin)
  })
}
