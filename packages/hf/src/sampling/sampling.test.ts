// Oracles: exact integer arithmetic for growth; the paper's statement of when samples are full.
import { ArgumentError } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fixedSampling } from './fixed.ts'
import { geometricSampling, geometricStart } from './geometric.ts'

describe('fixedSampling', () => {
  it('is the whole population, a number of cases or a fraction, whatever the iteration', () => {
    for (const iteration of [0, 1, 1000]) {
      expect(fixedSampling().size(iteration, 50)).toBe(50)
      expect(fixedSampling({ cases: 20 }).size(iteration, 50)).toBe(20)
      expect(fixedSampling({ fraction: 0.07 }).size(iteration, 100)).toBe(7)
    }
  })

  it('never exceeds the population and is never empty', () => {
    expect(fixedSampling({ cases: 200 }).size(0, 50)).toBe(50)
    expect(fixedSampling({ fraction: 1e-9 }).size(0, 50)).toBe(1)
  })

  it('refuses both kinds at once and values out of range', () => {
    expect(() => fixedSampling({ cases: 1, fraction: 0.5 })).toThrow(ArgumentError)
    expect(() => fixedSampling({ fraction: 1.1 })).toThrow(ArgumentError)
    expect(() => fixedSampling({ cases: 0 })).toThrow(ArgumentError)
  })
})

describe('geometricSampling', () => {
  it('grows exactly, rounding up', () => {
    const schedule = geometricSampling({ start: 100, factor: 1.1 })
    // ⌈11ⁱ · 100 / 10ⁱ⌉ in integers.
    const exact = (i: number): number =>
      Number((100n * 11n ** BigInt(i) + 10n ** BigInt(i) - 1n) / 10n ** BigInt(i))
    for (let i = 0; i < 40; i++) expect(schedule.size(i, 1e9)).toBe(exact(i))
  })

  it('reaches the whole population in iteration 20 of 40 with factor 1.2 and the start for it', () => {
    const population = 60_000
    const schedule = geometricSampling({ start: geometricStart(population, 1.2, 20), factor: 1.2 })
    expect(schedule.size(20, population)).toBe(population)
    expect(schedule.size(19, population)).toBe(50_000)
    expect(schedule.size(0, population)).toBe(1566)
  })

  it('is a monotone integer between floor and limit, also after any number of iterations', () => {
    fc.assert(
      fc.property(
        fc.record({
          start: fc.double({ min: 0.01, max: 1e6, noNaN: true }),
          factor: fc.double({ min: 1, max: 10, noNaN: true }),
          floor: fc.integer({ min: 1, max: 50 }),
          limit: fc.integer({ min: 50, max: 5000 }),
        }),
        fc.integer({ min: 1, max: 10_000 }),
        (options, population) => {
          const schedule = geometricSampling(options)
          const sizes = [0, 1, 2, 10, 100, 1000, 1e6, 1e300].map((i) => schedule.size(i, population))
          for (const [i, size] of sizes.entries()) {
            expect(Number.isInteger(size)).toBe(true)
            expect(size).toBeGreaterThanOrEqual(Math.min(options.floor, population))
            expect(size).toBeLessThanOrEqual(Math.min(options.limit, population))
            if (i > 0) expect(size).toBeGreaterThanOrEqual(sizes[i - 1])
          }
        },
      ),
    )
  })

  it('refuses shrinking samples and bounds that exclude each other', () => {
    expect(() => geometricSampling({ start: 10, factor: 0.9 })).toThrow(ArgumentError)
    expect(() => geometricSampling({ start: 10, factor: 1.1, floor: 20, limit: 10 })).toThrow(ArgumentError)
  })
})
