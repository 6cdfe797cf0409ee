/**
 * Slices: how an iteration space is cut into units of work for threads. One axis is cut into blocks; every index of
 * the axes outside it is work of its own, the axes inside it are run through in each unit:
 *
 *   unit = (Σ outer index · extents)·blocks + ⌊position along the cut axis / block⌋.
 *
 * The cut depends on the shape alone. A thread's units are neighbours, so that its loop along the cut axis is one loop
 * whatever the number of units.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { countedLoop } from '../assembler/countedLoop.ts'
import { pushMinimum } from '../assembler/minimum.ts'
import { addSegmentLoop } from '../segmentLoop.ts'
import type { StageContext } from '../stage.ts'
import type { Cursors } from './loopCursors.ts'

export interface Slices {
  /** The axis that is cut. */
  readonly axis: number
  /** Steps along it of a unit; the last unit of the axis may have fewer. */
  readonly block: number
  /** Units along it. */
  readonly blocks: number
  /** Axes outside, outermost first. */
  readonly outer: readonly number[]
  /** Axes inside, outermost first. */
  readonly inner: readonly number[]
  /** Units in all. */
  readonly units: number
}

export interface SliceRequest {
  readonly extents: readonly number[]
  /** The order of the loops, outermost first. */
  readonly axes: readonly number[]
  /** Work of one index of all axes, in the measure of `unit`. */
  readonly work?: number
  /** Work of a unit. */
  readonly unit: number
  /** What blocks of an axis must be multiples of. */
  readonly granule?: (axis: number) => number
}

/**
 * Heuristic: with less work than so many units, the threads' meeting costs more than they save, and all is one unit.
 */
export const unitsWorthSharing = 8

/** Elements of a unit by default, where an element costs as little as in an addition. */
const cheapElements = 2048

/** Elements of a unit of cheap work. */
export const cheapUnit = ({ unitElements = cheapElements }: StageContext): number => unitElements

/**
 * Elements of a unit where four of them take `work` instructions, loads and stores; a multiple of 16. Heuristic: a
 * few microseconds make sharing worth while.
 */
export const unitOf = (context: StageContext, work: number): number =>
  16 * Math.max(1, Math.round(cheapUnit(context) / (4 * Math.max(4, work))))

/** Cuts an iteration space of at least one axis. */
export function sliceSpace({ extents, axes, work = 1, unit, granule = () => 1 }: SliceRequest): Slices {
  const cut = (position: number, block: number): Slices => {
    const axis = axes[position]
    const outer = axes.slice(0, position)
    const blocks = Math.ceil(extents[axis] / block)
    const units = outer.reduce((product, each) => product * extents[each], blocks)
    return { axis, block, blocks, outer, inner: axes.slice(position + 1), units }
  }
  const total = axes.reduce((product, axis) => product * extents[axis], work)
  if (total < unitsWorthSharing * unit) return cut(0, extents[axes[0]])
  let inside = work
  let position = axes.length - 1
  while (position > 0 && inside * extents[axes[position]] < unit) inside *= extents[axes[position--]]
  const step = granule(axes[position])
  return cut(position, step * Math.max(1, Math.round(unit / (inside * step))))
}

export interface SliceRange {
  /** First unit of the thread; it is used up. */
  readonly first: Local
  /** The unit after its last. */
  readonly limit: Local
}

/** Puts the cursors at a position along the cut axis, at the outer indices that `segment` numbers; it is used up. */
function seek(
  f: FunctionBuilder,
  cursors: Cursors,
  extents: readonly number[],
  { axis, outer }: Slices,
  segment: Local,
  position: Local,
): void {
  const index = f.local('i32')
  cursors.reset()
  for (const each of [...outer].reverse()) {
    const isLast = each === outer[0]
    f.localGet(segment)
    if (!isLast) f.i32Const(extents[each]).i32RemU()
    f.localSet(index)
    cursors.advanceBy(each, index)
    if (!isLast) f.localGet(segment).i32Const(extents[each]).i32DivU().localSet(segment)
  }
  cursors.advanceBy(axis, position)
}

/**
 * Runs the body with the cursors at the start of each run of units along the cut axis; `count` is the number of steps
 * along it. The body may leave the cursors anywhere.
 */
export function forEachSlice(
  f: FunctionBuilder,
  cursors: Cursors,
  extents: readonly number[],
  slices: Slices,
  { first, limit }: SliceRange,
  body: (count: Local) => void,
): void {
  const { axis, block, blocks } = slices
  const position = f.local('i32')
  const count = f.local('i32')
  addSegmentLoop(f, { first, limit, length: blocks }, ({ segment, start, end }) => {
    f.localGet(start).i32Const(block).i32Mul().localSet(position)
    seek(f, cursors, extents, slices, segment, position)
    f.localGet(end).i32Const(block).i32Mul().localSet(count)
    pushMinimum(f, count, extents[axis])
    f.localGet(position).i32Sub().localSet(count)
    body(count)
  })
}

/** Where a unit is. */
export interface UnitPlace {
  /** Its number. */
  readonly unit: Local
  /** Its first position along the cut axis. */
  readonly position: Local
}

/**
 * Runs code for each unit with the cursors at its start. It is emitted for units of a whole block, and again for those
 * at the end of the axis where they are shorter; it may leave the cursors anywhere.
 */
export function forEachUnit(
  f: FunctionBuilder,
  cursors: Cursors,
  extents: readonly number[],
  slices: Slices,
  { first, limit }: SliceRange,
  emit: (place: UnitPlace, count: number) => void,
): void {
  const { axis, block, blocks } = slices
  const position = f.local('i32')
  const segment = f.local('i32')
  const rest = extents[axis] - (blocks - 1) * block
  countedLoop(f, { counter: first, end: limit }, () => {
    f.localGet(first).i32Const(blocks).i32RemU().i32Const(block).i32Mul().localSet(position)
    f.localGet(first).i32Const(blocks).i32DivU().localSet(segment)
    seek(f, cursors, extents, slices, segment, position)
    const place = { unit: first, position }
    if (rest === block || blocks === 1) emit(place, rest)
    else {
      f.localGet(position)
        .i32Const((blocks - 1) * block)
        .i32LtU()
      f.ifElse(
        () => {
          emit(place, block)
        },
        () => {
          emit(place, rest)
        },
      )
    }
  })
}
