/**
 * Uniformity is judged by Pearson's statistic against the 99.9 % point of the chi-square distribution, with fixed
 * keys, so that the tests are deterministic; the bias of a plain modulo or of a naive shuffle exceeds it by far.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError } from '../errors.ts'
import { randomPermutation, sampleWithoutReplacement } from './permutation.ts'
import { foldIn, randomBits, randomKey } from './threefry.ts'
import { uniformIntegers } from './uniformInteger.ts'

function chiSquare(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** Wilson & Hilferty's approximation to the 99.9 % point of the chi-square distribution. */
function criticalValue(freedom: number): number {
  const scale = 2 / (9 * freedom)
  return freedom * (1 - scale + 3.0902 * Math.sqrt(scale)) ** 3
}

/** Counts how often each of the `outcomes` named results occurs in `trials` draws. */
function tally(outcomes: number, trials: number, draw: (trial: number) => string): number[] {
  const counts = new Map<string, number>()
  for (let trial = 0; trial < trials; trial++) {
    const result = draw(trial)
    counts.set(result, (counts.get(result) ?? 0) + 1)
  }
  expect(counts.size).toBe(outcomes)
  return [...counts.values()]
}

describe('uniformIntegers', () => {
  it('is uniform for a bound at which a plain modulo is grossly biased', () => {
    // 3·2^30 leaves a quarter of the words: modulo would give the lowest third twice the probability.
    const bound = 3 * 2 ** 30
    const below = uniformIntegers(randomKey(1))
    const thirds = [0, 0, 0]
    for (let i = 0; i < 30_000; i++) thirds[Math.floor(below(bound) / 2 ** 30)]++
    expect(chiSquare(thirds, 10_000)).toBeLessThan(criticalValue(2))
  })

  it('is uniform for small bounds', () => {
    for (const bound of [2, 7, 10]) {
      const below = uniformIntegers(randomKey(bound))
      const counts = new Array<number>(bound).fill(0)
      for (let i = 0; i < 1000 * bound; i++) counts[below(bound)]++
      expect(chiSquare(counts, 1000)).toBeLessThan(criticalValue(bound - 1))
    }
  })

  it('uses the words of the stream in order, rejecting those beyond the last multiple of the bound', () => {
    const bound = 2 ** 31 + 1
    const accepted = [...randomBits([8, 9], 2000)].filter((bits) => bits < bound)
    const below = uniformIntegers([8, 9])
    for (const bits of accepted.slice(0, 900)) expect(below(bound)).toBe(bits)
  })

  it('takes the bounds 1 and 2^32 and refuses others', () => {
    const below = uniformIntegers([1, 2])
    expect(below(1)).toBe(0)
    expect(below(2 ** 32)).toBe(randomBits([1, 2], 2)[1])
    for (const bound of [0, -1, 0.5, NaN, 2 ** 32 + 1]) expect(() => below(bound)).toThrow(ArgumentError)
  })
})

describe('randomPermutation', () => {
  it('is a permutation, the same for the same key', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2000 }), fc.nat(), (length, seed) => {
        const permutation = randomPermutation(randomKey(seed), length)
        expect([...permutation].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i))
        expect(randomPermutation(randomKey(seed), length)).toEqual(permutation)
      }),
      { numRuns: 50 },
    )
  })

  it('gives each of the 24 orders of four elements equally often', () => {
    const counts = tally(24, 24_000, (trial) => randomPermutation(foldIn(randomKey(2), trial), 4).join())
    expect(chiSquare(counts, 1000)).toBeLessThan(criticalValue(23))
  })
})

describe('sampleWithoutReplacement', () => {
  it('is the beginning of the permutation of the same key, for sparse and for dense samples', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 3000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, n, part) => {
          const count = Math.floor(part ** 3 * n)
          const sample = sampleWithoutReplacement(randomKey(seed), n, count)
          expect([...sample]).toEqual([...randomPermutation(randomKey(seed), n).subarray(0, count)])
        },
      ),
      { numRuns: 100 },
    )
  })

  it('gives each ordered pair of a large population equally often, without holding the population', () => {
    // 100 cells of pairs (first, second), each divided by tenths of a population of 2^32.
    const population = 2 ** 32
    const tenth = (value: number): number => Math.floor((value / population) * 10)
    const counts = tally(100, 20_000, (trial) => {
      const [first, second] = sampleWithoutReplacement(foldIn(randomKey(3), trial), population, 2)
      return `${tenth(first)} ${tenth(second)}`
    })
    expect(chiSquare(counts, 200)).toBeLessThan(criticalValue(99))
  })

  it('gives each ordered pair of 40 elements equally often through the sparse path', () => {
    const counts = tally(1560, 31_200, (trial) =>
      sampleWithoutReplacement(foldIn(randomKey(4), trial), 40, 2).join(),
    )
    expect(chiSquare(counts, 20)).toBeLessThan(criticalValue(1559))
  })

  it('has no element twice', () => {
    const sample = sampleWithoutReplacement(randomKey(5), 100_000, 6000)
    expect(new Set(sample).size).toBe(6000)
  })

  it('refuses more than the population and bad numbers', () => {
    const cases: [number, number][] = [
      [3, 4],
      [3, -1],
      [3, 0.5],
      [NaN, 0],
      [2 ** 32 + 1, 1],
    ]
    for (const [population, count] of cases) {
      expect(() => sampleWithoutReplacement([0, 0], population, count)).toThrow(ArgumentError)
    }
  })
})
