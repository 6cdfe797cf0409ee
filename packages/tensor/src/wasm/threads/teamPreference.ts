/**
 * Whether the next run of a program is given to the team or done alone, from how long runs took: where other processes
 * have the cores, threads wait for one another's turn on a processor, and one thread alone is faster. The choice never
 * changes a result.
 *
 * A heuristic: the team works unless `patience` of its runs in a row took longer than the fastest recent run alone; then
 * runs are alone for a while, twice as long each time the team disappoints again.
 */
export interface TeamPreference {
  /** Decides the next run. */
  readonly next: () => 'alone' | 'together'
  /** Takes the time of a run. */
  readonly record: (way: 'alone' | 'together', milliseconds: number) => void
}

const patience = 3
const shortestPause = 16
const longestPause = 1024

/** How much a fastest time is trusted less with each later run alone. */
const forgetting = 1.02

export function createTeamPreference(): TeamPreference {
  let fastestAlone = Infinity
  let slowRuns = 0
  let pause = shortestPause
  let left = 0
  return {
    next() {
      if (left === 0) return 'together'
      left--
      return 'alone'
    },
    record(way, milliseconds) {
      if (way === 'alone') {
        fastestAlone = Math.min(fastestAlone * forgetting, milliseconds)
        return
      }
      if (milliseconds <= fastestAlone) {
        slowRuns = 0
        pause = shortestPause
        return
      }
      slowRuns++
      if (slowRuns < patience) return
      slowRuns = 0
      left = pause
      pause = Math.min(2 * pause, longestPause)
    },
  }
}
