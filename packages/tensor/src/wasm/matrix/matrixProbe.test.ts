/**
 * The choice of a micro-kernel from times that a clock of the test gives, and once from real ones.
 */
import { describe, expect, it } from 'vitest'
import { chooseMicroKernel, microKernelCandidates, pickCandidate, timeCandidates } from './matrixProbe.ts'

/** Candidates whose runs take the milliseconds listed, the last one for ever. */
function scripted(...durations: readonly (readonly number[])[]) {
  let clock = 0
  const runs = durations.map(() => 0)
  const runners = durations.map((times, i) => () => {
    clock += times[Math.min(runs[i]++, times.length - 1)]
  })
  return { runners, now: () => clock, runs }
}

function choose(...durations: readonly (readonly number[])[]): number {
  const { runners, now } = scripted(...durations)
  const { times, settled } = timeCandidates(runners, now)
  return pickCandidate(times, settled)
}

describe('the choice of a micro-kernel', () => {
  it('falls on the candidate that is fastest once all are optimised', () => {
    expect(choose([1, 0.2], [1.2, 0.1], [1, 0.3])).toBe(1)
    // The winner is optimised last.
    expect(choose([1, 0.2], [1, 1, 1, 1, 1, 1, 1, 0.1], [1, 0.3])).toBe(1)
  })

  it('stays with the first candidate where another wins by less than noise', () => {
    expect(choose([1, 0.1], [1, 0.097], [1, 0.3])).toBe(0)
  })

  it('stays with the first candidate where time runs out, or an engine shows no baseline code', () => {
    expect(choose([5, 5], [9, 0.5])).toBe(0)
    expect(choose([0.2], [0.1])).toBe(0)
    expect(choose([100, 30], [100, 0.1])).toBe(0)
  })

  it('ends soon: within the budget and a round', () => {
    const quick = scripted([1, 0.1], [1, 0.1])
    timeCandidates(quick.runners, quick.now)
    expect(quick.runs[0]).toBeLessThan(10)
    const steady = scripted([3], [3])
    timeCandidates(steady.runners, steady.now)
    expect(steady.now()).toBeLessThanOrEqual(46)
  })

  it('is one of the candidates and is remembered', () => {
    const kernel = chooseMicroKernel('separate')
    expect(microKernelCandidates('separate')).toContainEqual(kernel)
    expect(chooseMicroKernel('separate')).toBe(kernel)
  })
})
