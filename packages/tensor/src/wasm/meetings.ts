/**
 * Where threads must meet. Every thread runs the stages of a program in order, but nothing else keeps one thread from
 * being stages ahead of another. Two stages are in order if a barrier lies between them, or if both have a single unit:
 * those are run by thread 0. Two stages must be in order
 *   - of different kernels: if one writes what the other reads or writes;
 *   - of one kernel: if a stage after the first, up to and including the second, waits.
 * A meeting is put off as long as thread 0 alone has worked since the last one and works on.
 */
import type { Stage } from './stage.ts'

/** A kernel as far as order matters; storage has names, which are equal where it may overlap. */
export interface OrderedKernel {
  readonly reads: readonly string[]
  readonly writes: readonly string[]
  readonly stages: readonly Pick<Stage, 'units' | 'waits'>[]
}

/** Whether threads must meet before each stage of each kernel. */
export function meetings(kernels: readonly OrderedKernel[]): boolean[][] {
  let read = new Set<string>()
  let written = new Set<string>()
  let alone = true
  return kernels.map(({ reads, writes, stages }) => {
    /** A meeting that the kernel needs before its first stage of several units. */
    let due =
      reads.some((each) => written.has(each)) || writes.some((each) => read.has(each) || written.has(each))
    return stages.map(({ units, waits }) => {
      const single = units === 1
      due ||= waits
      const meet = due && !(alone && single)
      if (meet) {
        due = false
        read = new Set()
        written = new Set()
        alone = true
      }
      alone &&= single
      reads.forEach((each) => read.add(each))
      writes.forEach((each) => written.add(each))
      return meet
    })
  })
}
