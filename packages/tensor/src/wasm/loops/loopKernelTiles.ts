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
import { pushLanes } from './laneMemory.ts'
import type { LoopBody } from './loopBody.ts'
import { emitStores, emitValues } from './loopBody.ts'
import { elementShift } from './loopCursors.ts'
import { loopsOver, nest } from './loopNest.ts'
import { emitRows } from './loopKernelRows.ts'

/** In tiles. */
const crossChunk = 128
const laneChunk = 4

/** An axis other than `lane` along which some input is contiguous that is not so along `lane`. */
export function crossAxis(body: LoopBody, lane: number, extents: readonly number[]): number | undefined {
  if (extents[lane] < 4) return undefined
  const crossing = body.inputs.filter(
    (input) => input !== undefined && !input.isIndex && input.strides[lane] > 1,
  )
  const axis = extents.findIndex(
    (extent, a) => a !== lane && extent >= 4 && crossing.some((input) => input?.strides[a] === 1),
  )
  return axis < 0 ? undefined : axis
}

/** Columns of the 4×4 matrix whose rows are given. */
function transposeTile(f: FunctionBuilder, rows: readonly Local[]): Local[] {
  const shuffled = (a: Local, b: Local, lanes: readonly number[]): Local => {
    const result = f.local('v128')
    f.localGet(a).localGet(b).i32x4Shuffle(lanes).localSet(result)
    return result
  }
  const low = [0, 4, 1, 5]
  const high = [2, 6, 3, 7]
  const [a, b] = [shuffled(rows[0], rows[1], low), shuffled(rows[2], rows[3], low)]
  const [c, d] = [shuffled(rows[0], rows[1], high), shuffled(rows[2], rows[3], high)]
  const first = [0, 1, 4, 5]
  const second = [2, 3, 6, 7]
  return [shuffled(a, b, first), shuffled(a, b, second), shuffled(c, d, first), shuffled(c, d, second)]
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
    return transposeTile(f, rows)
  })
  for (let column = 0; column < 4; column++) {
    const place = { axis: lane, at: along(cross, column), lanes: 4 }
    const supplied = (input: number): Local | undefined => transposed[input]?.[column]
    emitStores(f, body, place, emitValues(f, body, place, undefined, supplied))
  }
}

/** The whole iteration space: tiles, then what is left along the cross axis, then along the lane axis. */
export function emitTiles(
  f: FunctionBuilder,
  body: LoopBody,
  lane: number,
  cross: number,
  extents: readonly number[],
): void {
  const { cursors } = body
  const tilesAlong = (axis: number): number => Math.floor(extents[axis] / 4)
  const chunks = (axis: number, length: number, emit: (tiles: number) => void): void => {
    const full = Math.floor(tilesAlong(axis) / length)
    nest(f, cursors, [{ axis, count: full, step: 4 * length }], () => {
      if (full > 0) emit(length)
    })
    const rest = tilesAlong(axis) - full * length
    if (rest === 0) return
    cursors.advance(axis, 4 * length * full)
    emit(rest)
    cursors.advance(axis, -4 * length * full)
  }
  nest(f, cursors, loopsOver(extents, [lane, cross]), () => {
    chunks(cross, crossChunk, (crossTiles) => {
      chunks(lane, laneChunk, (laneTiles) => {
        const loops = [
          { axis: cross, count: crossTiles, step: 4 },
          { axis: lane, count: laneTiles, step: 4 },
        ]
        nest(f, cursors, loops, () => emitTile(f, body, lane, cross, extents.length))
      })
    })
  })
  const replaced = (values: readonly number[], axis: number, value: number): number[] =>
    values.map((each, a) => (a === axis ? value : each))
  const zeros = extents.map(() => 0)
  emitRows(f, body, lane, {
    extents: replaced(
      replaced(extents, cross, extents[cross] - 4 * tilesAlong(cross)),
      lane,
      4 * tilesAlong(lane),
    ),
    origin: replaced(zeros, cross, 4 * tilesAlong(cross)),
  })
  emitRows(f, body, lane, {
    extents: replaced(extents, lane, extents[lane] - 4 * tilesAlong(lane)),
    origin: replaced(zeros, lane, 4 * tilesAlong(lane)),
  })
}
