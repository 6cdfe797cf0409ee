/**
 * Work too short for one reading of the clock, repeated until a run is long enough: the repeats are found once, by
 * doubling, and each run gives the milliseconds of one repeat. A heuristic: runs of a few milliseconds are short enough
 * to be interleaved and long enough that starting and reading the clock do not count.
 */
const wanted = 3
const most = 1 << 16

/** @param work returns when done; @param wantedMilliseconds least length of a run. */
export function repeated(work: () => void, wantedMilliseconds = wanted): () => number {
  let repeats = 0
  const time = (count: number): number => {
    const start = performance.now()
    for (let i = 0; i < count; i++) work()
    return performance.now() - start
  }
  return () => {
    if (repeats === 0) {
      for (repeats = 1; repeats < most && time(repeats) < wantedMilliseconds;) repeats *= 2
    }
    return time(repeats) / repeats
  }
}
