/**
 * Loops with a fixed number of turns, and nests of them that move cursors along axes. Every nest leaves the
 * cursors where it found them.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { Cursors } from './loopCursors.ts'

/** Runs the body `count` times; once without a loop. */
export function repeat(f: FunctionBuilder, count: number, body: () => void): void {
  if (count <= 0) return
  if (count === 1) {
    body()
    return
  }
  const left = f.local('i32')
  f.i32Const(count).localSet(left)
  f.loop((again) => {
    body()
    f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(again)
  })
}

/** Runs the body `count` times, `count` known at run time only. */
export function repeatBy(f: FunctionBuilder, count: Local, body: () => void): void {
  const left = f.local('i32')
  f.localGet(count).localSet(left)
  f.block((exit) => {
    f.localGet(left).i32Const(0).i32LeS().brIf(exit)
    f.loop((again) => {
      body()
      f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(again)
    })
  })
}

/** One loop of a nest: `count` turns of `step` elements along an axis. */
export interface AxisLoop {
  readonly axis: number
  readonly count: number
  readonly step?: number
}

/** Runs the body at every combination of steps, the last loop innermost. */
export function nest(
  f: FunctionBuilder,
  cursors: Cursors,
  loops: readonly AxisLoop[],
  body: () => void,
): void {
  const [first, ...rest] = loops
  if (first === undefined) {
    body()
    return
  }
  const { axis, count, step = 1 } = first
  if (count === 1) {
    nest(f, cursors, rest, body)
    return
  }
  repeat(f, count, () => {
    nest(f, cursors, rest, body)
    cursors.advance(axis, step)
  })
  cursors.advance(axis, -count * step)
}

/** Loops over all axes but `except`, outermost first. */
export const loopsOver = (extents: readonly number[], except: readonly number[]): AxisLoop[] =>
  extents.flatMap((count, axis) => (except.includes(axis) ? [] : [{ axis, count }]))
