/**
 * When the host reads what conjugate gradients measure. The device is never asked before it has to be: reports are
 * read in batches of `interval`, and while a batch is on its way the device goes on with up to `lag` more iterations.
 * The start counts as report 0, so the batches are {0 … i−1}, {i … 2i−1}, …, and one of iterations 1 to n takes
 * ⌈(n + 1) / i⌉ waits. No result depends on the schedule: a rule sees exactly the iteration it is asked about, and
 * what was computed beyond it is thrown away. What it costs is the products of those iterations, at most
 * interval − 1 + lag a run, and the memory of their vectors.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'

export interface ReadSchedule {
  readonly interval: number
  readonly lag: number
}

/** In step: nothing is wasted, and reading costs nothing. */
const readableAtOnce: ReadSchedule = { interval: 1, lag: 0 }

/**
 * One wait per ten iterations; two iterations are work for the device while a batch travels, which takes 0.1 ms in Node
 * and 0.7 ms in a browser, and while the host judges it and encodes the next iteration (heuristic).
 */
const readLate: ReadSchedule = { interval: 10, lag: 2 }

/** @throws {ArgumentError} unless the interval is a positive and the lag a non-negative integer. */
export function readSchedule(
  backend: Backend,
  interval: number | undefined,
  lag: number | undefined,
): ReadSchedule {
  const usual = backend.readSync === undefined ? readLate : readableAtOnce
  const schedule = { interval: interval ?? usual.interval, lag: lag ?? usual.lag }
  const fits = Number.isInteger(schedule.interval) && Number.isInteger(schedule.lag)
  if (fits && schedule.interval >= 1 && schedule.lag >= 0) return schedule
  throw new ArgumentError({
    operation: 'conjugateGradient',
    rule: 'readInterval must be a positive integer and readLag a non-negative one',
    found: `readInterval ${schedule.interval}, readLag ${schedule.lag}`,
  })
}
