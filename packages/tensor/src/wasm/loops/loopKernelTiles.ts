/**
 * Element-wise loops over 4×4 tiles, for bodies that read some array across the direction in which they write:
 * a transpose and everything fused with it. A tile's four vectors are read along the array's own contiguous
 * axis and transposed in registers (two rounds of interleaving), so that neither side is touched element by
 * element.
 *
 * Loop order, outermost first: chunks of 512 elements along the cross axis, so that the pages being written
 * stay in the translation buffer; 16 elements (a cache line of the output) along the lane axis; tiles along the
 * cross axis; tiles along the lane axis. So 16 rows are read as streams and every line that is written is
 * complete at once. Heuristic: both lengths were chosen on one machine.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { pushMinimum } from '../assembler/minimum.ts'
import { transposeVectors } from '../assembler/transposition.ts'
import { pushLanes } from './laneMemory.ts'
import type { LoopBody } from './loopBody.ts'
import { emitStores, emitValues } from './loopBody.ts'
import type { Cursors } from './loopCursors.ts'
import { elementShift } from './loopCursors.ts'
import type { LoopInput } from './loopExpression.ts'
import type { Region } from './loopKernelRows.ts'
import { nest, repeatBy } from './loopNest.ts'
import type { SliceRange, Slices } from './slices.ts'
import { forEachSlice } from './slices.ts'

/** In tiles. */
const crossChunk = 128
const laneChunk = 4

/** An axis other than `lane` along which some input is contiguous that is not so along `lane`. */
export function crossAxis(
  inputs: readonly LoopInput[],
  lane: number,
  extents: readonly number[],
): number | undefined {
  if (extents[lane] < 4) return undefined
  const crossing = inputs.flatMap((input) =>
    input?.buffer !== undefined && input.view.strides[lane] > 1 ? [input.view.strides] : [],
  )
  const axis = extents.findIndex(
    (extent, a) => a !== lane && extent >= 4 && crossing.some((strides) => strides[a] === 1),
  )
  return axis < 0 ? undefined : axis
}

function emitTile(f: FunctionBuilder, body: LoopBody, lane: number, cross: number, rank: number): void {
  const along = (axis: number, steps: number): number[] =>
    Array.from({ length: rank }, (_, a) => (a === axis ? steps : 0))
  const transposed = body.inputs.map((input) => {
    if (input === undefined || input.isIndex || input.strides[cross] !== 1 || input.strides[lane] <= 1)
      return undefined
    const rows = [0, 1, 2, 3].map((row) => {
      const vector = f.local('v128')
      pushLanes(f, input, cross, elementShift(input, along(lane, row)), 4)
      f.localSet(vector)
      return vector
    })
    return transposeVectors(f, rows)
  })
  for (let column = 0; column < 4; column++) {
    const place = { axis: lane, at: along(cross, column), lanes: 4 }
    const supplied = (input: number): Local | undefined => transposed[input]?.[column]
    emitStores(f, body, place, emitValues(f, body, place, undefined, supplied))
  }
}

/** Where the tiles are, and what is left: along the cross axis, then along the lane axis. */
export function tileRegions(
  extents: readonly number[],
  lane: number,
  cross: number,
): { tiles: readonly number[]; edges: readonly Region[] } {
  const whole = (axis: number): number => 4 * Math.floor(extents[axis] / 4)
  const replaced = (values: readonly number[], axis: number, value: number): number[] =>
    values.map((each, a) => (a === axis ? value : each))
  const zeros = extents.map(() => 0)
  const besideLane = replaced(extents, lane, whole(lane))
  return {
    tiles: replaced(besideLane, cross, whole(cross)),
    edges: [
      {
        extents: replaced(besideLane, cross, extents[cross] - whole(cross)),
        origin: replaced(zeros, cross, whole(cross)),
      },
      {
        extents: replaced(extents, lane, extents[lane] - whole(lane)),
        origin: replaced(zeros, lane, whole(lane)),
      },
    ],
  }
}

/** A space of whole tiles. */
export interface TileSpace {
  readonly lane: number
  readonly cross: number
  /** Multiples of four along both. */
  readonly extents: readonly number[]
}

/** `elements` steps along an axis in chunks of `length` tiles. The body leaves the cursors where they were. */
function forEachChunk(
  f: FunctionBuilder,
  cursors: Cursors,
  axis: number,
  elements: Local,
  length: number,
  body: (tiles: Local) => void,
): void {
  const left = f.local('i32')
  const steps = f.local('i32')
  const tiles = f.local('i32')
  f.localGet(elements).i32Const(2).i32ShrU().localSet(left)
  f.loop((again) => {
    pushMinimum(f, left, length).localSet(tiles)
    body(tiles)
    f.localGet(tiles).i32Const(2).i32Shl().localSet(steps)
    cursors.advanceBy(axis, steps)
    f.localGet(left).localGet(tiles).i32Sub().localTee(left).brIf(again)
  })
  f.i32Const(0).localGet(elements).i32Sub().localSet(steps)
  cursors.advanceBy(axis, steps)
}

/** The tiles of a space that are a thread's share. */
export function emitSlicesOfTiles(
  f: FunctionBuilder,
  body: LoopBody,
  { lane, cross, extents }: TileSpace,
  slices: Slices,
  range: SliceRange,
): void {
  const { cursors } = body
  const lengths = new Map([lane, cross].map((axis) => [axis, f.local('i32')]))
  const lengthOf = (axis: number): Local => lengths.get(axis) ?? range.first
  for (const [axis, local] of lengths) f.i32Const(extents[axis]).localSet(local)
  const tiles = (): void => {
    forEachChunk(f, cursors, cross, lengthOf(cross), crossChunk, (crossTiles) => {
      forEachChunk(f, cursors, lane, lengthOf(lane), laneChunk, (laneTiles) => {
        const back = f.local('i32')
        repeatBy(f, crossTiles, () => {
          repeatBy(f, laneTiles, () => {
            emitTile(f, body, lane, cross, extents.length)
            cursors.advance(lane, 4)
          })
          f.i32Const(0).localGet(laneTiles).i32Const(2).i32Shl().i32Sub().localSet(back)
          cursors.advanceBy(lane, back)
          cursors.advance(cross, 4)
        })
        f.i32Const(0).localGet(crossTiles).i32Const(2).i32Shl().i32Sub().localSet(back)
        cursors.advanceBy(cross, back)
      })
    })
  }
  const { axis, inner } = slices
  forEachSlice(f, cursors, extents, slices, range, (count) => {
    if (lengths.has(axis)) {
      f.localGet(count).localSet(lengthOf(axis))
      tiles()
      return
    }
    const loops = inner
      .filter((each) => !lengths.has(each))
      .map((each) => ({ axis: each, count: extents[each] }))
    repeatBy(f, count, () => {
      nest(f, cursors, loops, tiles)
      cursors.advance(axis, 1)
    })
  })
}
