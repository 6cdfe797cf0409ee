/**
 * Loops over a counter, the shape almost every kernel has.
 *
 * The test stands in front, so a count of zero runs nothing, and again at the end of the body, so that each
 * turn costs one branch.
 */
import type { FunctionBuilder, Local } from './functionBuilder.ts'

export interface CountedLoop {
  /** The counter, an i32 local. */
  readonly counter: Local
  /** First value, a constant; left out, the counter keeps the value it has. */
  readonly start?: number
  /** The loop runs while `counter < end` (signed). */
  readonly end: Local
  /** What is added after each turn, 1 if left out. */
  readonly step?: number
}

/** `for (counter = start; counter < end; counter += step) body()`, with signed 32-bit comparison. */
export function countedLoop(f: FunctionBuilder, loop: CountedLoop, body: () => void): void {
  const { counter, start, end, step = 1 } = loop
  if (start !== undefined) f.i32Const(start).localSet(counter)
  f.block((exit) => {
    f.localGet(counter).localGet(end).i32GeS().brIf(exit)
    f.loop((again) => {
      body()
      f.localGet(counter).i32Const(step).i32Add().localTee(counter)
      f.localGet(end).i32LtS().brIf(again)
    })
  })
}
