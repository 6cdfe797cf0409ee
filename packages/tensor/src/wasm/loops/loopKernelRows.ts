/**
 * Element-wise loops row by row: all axes but the lane axis are plain loops, the lane axis goes four elements
 * at a time, several vectors a turn, and ends with a vector of fewer lanes. What does not change along the
 * row is computed once in front of it.
 */
import type { FunctionBuilder } from '../assembler/functionBuilder.ts'
import type { LoopBody } from './loopBody.ts'
import { emitLoopInvariants, emitStores, emitValues } from './loopBody.ts'
import { loopsOver, nest, repeat } from './loopNest.ts'
import { instructionCount } from '../elements/vectorEmission.ts'

/** A box of the iteration space. */
export interface Region {
  readonly extents: readonly number[]
  /** Steps from the cursors to its first element. */
  readonly origin: readonly number[]
}

/**
 * Vectors a turn. Heuristic: cheap bodies are unrolled to save the loop's own instructions, long ones are not,
 * and V8 before version 12 moves all loads of a turn to its start, so that their number is bounded.
 */
export function vectorsPerTurn({ roots, inputs }: Pick<LoopBody, 'roots' | 'inputs'>): number {
  const instructions = instructionCount(roots)
  const wanted = instructions <= 8 ? 4 : instructions <= 24 ? 2 : 1
  return Math.max(1, Math.min(wanted, Math.floor(12 / Math.max(1, inputs.length))))
}

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

/** All rows of a region. */
export function emitRows(f: FunctionBuilder, body: LoopBody, axis: number, region: Region): void {
  const { extents, origin } = region
  if (extents.includes(0)) return
  nest(f, body.cursors, loopsOver(extents, [axis]), () => {
    emitRow(f, body, axis, extents[axis], origin)
  })
}
