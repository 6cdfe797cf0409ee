/**
 * Units of work that are numbered through a sequence of equal segments (the rows of each matrix of a batch, say): a
 * range of units is a range inside each of several segments.
 */
import type { FunctionBuilder, Local } from './assembler/functionBuilder.ts'
import { pushMinimum } from './assembler/minimum.ts'

export interface Segment {
  /** Number of the segment. */
  readonly segment: Local
  /** Units inside it, from its start. */
  readonly start: Local
  readonly end: Local
}

export interface SegmentRange {
  readonly first: Local
  readonly limit: Local
  /** Units of a segment. */
  readonly length: number
}

/** Runs the body for each segment that the units [first, limit) touch. `first` is used up. */
export function addSegmentLoop(
  f: FunctionBuilder,
  { first, limit, length }: SegmentRange,
  body: (segment: Segment) => void,
): void {
  const segment = f.local('i32')
  const start = f.local('i32')
  const end = f.local('i32')
  f.block((exit) => {
    f.loop((again) => {
      f.localGet(first).localGet(limit).i32GeS().brIf(exit)
      f.localGet(first).i32Const(length).i32DivU().localSet(segment)
      f.localGet(first).i32Const(length).i32RemU().localSet(start)
      f.localGet(start).localGet(limit).i32Add().localGet(first).i32Sub().localSet(end)
      pushMinimum(f, end, length).localSet(end)
      f.localGet(first).localGet(end).i32Add().localGet(start).i32Sub().localSet(first)
      body({ segment, start, end })
      f.br(again)
    })
  })
}
