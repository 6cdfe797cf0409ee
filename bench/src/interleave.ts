/**
 * Interleaved timing: ours, peer, peer, ours, … so that a disturbance hits all alike. Warm-up runs are not counted:
 * engines tier their code up during them.
 */
import { median, spread } from './statistics.ts'

/**
 * Does the work once, waits until it is done, and frees what it made. One that knows better than the clock here how long
 * that took (a peer in another process, many repeats of something short) returns the milliseconds.
 */
export type Runner = (() => void | Promise<void>) | (() => number | Promise<number>)

export interface Timing {
  /** Median. */
  readonly milliseconds: number
  readonly least: number
  readonly spread: number
  readonly runs: number
}

/** @param runs counted rounds; @param warmUp rounds before. */
export async function interleave(
  runners: readonly Runner[],
  { runs, warmUp }: { readonly runs: number; readonly warmUp: number },
): Promise<Timing[]> {
  const times: number[][] = runners.map(() => [])
  for (let round = -warmUp; round < runs; round++) {
    // Every other round runs backwards, so that no engine always follows the same one.
    const order = round % 2 === 0 ? runners.keys() : [...runners.keys()].reverse()
    for (const i of order) {
      const start = performance.now()
      const told = await runners[i]()
      const milliseconds = told ?? performance.now() - start
      if (round >= 0) times[i].push(milliseconds)
    }
  }
  return times.map((all) => ({
    milliseconds: median(all),
    least: Math.min(...all),
    spread: spread(all),
    runs,
  }))
}
