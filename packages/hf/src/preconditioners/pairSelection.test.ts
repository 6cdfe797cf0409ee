// Oracle: the index sets of Morales & Nocedal's SAMPLE rule worked out by hand.
import { ArgumentError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import type { PairSelectionRule } from './pairSelection.ts'
import { pairSelector } from './pairSelection.ts'

/** Iterations kept, in order, after each of 0 … last. */
function* keptDuring(last: number, rule: PairSelectionRule, capacity: number): Generator<readonly number[]> {
  const select = pairSelector(rule, capacity)
  let kept: readonly number[] = []
  for (let iteration = 0; iteration <= last; iteration++) {
    const { keep, replaces } = select(iteration)
    if (replaces !== undefined) expect(kept).toContain(replaces)
    if (keep) kept = [...kept.filter((other) => other !== replaces), iteration]
    yield kept
  }
}

const keptAfter = (last: number, rule: PairSelectionRule, capacity: number): readonly number[] =>
  [...keptDuring(last, rule, capacity)][last]

describe('pairSelector', () => {
  it('spreads 8 pairs evenly over runs of 16, 32 and 40 iterations', () => {
    expect(keptAfter(15, 'uniform', 8)).toEqual([0, 2, 4, 6, 8, 10, 12, 14])
    expect(keptAfter(31, 'uniform', 8)).toEqual([0, 4, 8, 12, 16, 20, 24, 28])
    expect(keptAfter(39, 'uniform', 8)).toEqual([0, 8, 12, 16, 20, 24, 28, 32])
  })

  it('never holds more pairs than fit, nor gaps that differ by more than a factor of two, for any length', () => {
    for (const capacity of [2, 4, 8, 16, 32]) {
      for (const [last, kept] of [...keptDuring(20 * capacity, 'uniform', capacity)].entries()) {
        expect(kept).toHaveLength(Math.min(last + 1, capacity))
        if (kept.length === 1) continue
        const gaps = kept.slice(1).map((iteration, i) => iteration - kept[i])
        expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * Math.min(...gaps))
      }
    }
  })

  it('keeps the newest or the oldest', () => {
    expect(keptAfter(9, 'last', 4)).toEqual([6, 7, 8, 9])
    expect(keptAfter(9, 'first', 4)).toEqual([0, 1, 2, 3])
    expect(keptAfter(2, 'last', 4)).toEqual([0, 1, 2])
  })

  it('refuses no pairs, and an odd number of them for the uniform rule', () => {
    expect(() => pairSelector('last', 0)).toThrow(ArgumentError)
    expect(() => pairSelector('uniform', 5)).toThrow(ArgumentError)
  })
})
