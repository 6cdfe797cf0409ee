// Oracle: what a reader needs of an axis, for any range of at least a factor of two.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { logarithmicTicks } from './logarithmicTicks.ts'

const range = fc
  .record({
    exponent: fc.double({ min: -8, max: 8, noNaN: true }),
    factor: fc.double({ min: 2, max: 1e9, noNaN: true }),
  })
  .map(({ exponent, factor }) => [10 ** exponent, 10 ** exponent * factor] as const)

describe('ticks along a logarithm', () => {
  it('lie in the range, ascend, are round, and are neither none nor too many', () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 3, max: 8 }), ([lowest, highest], count) => {
        const ticks = logarithmicTicks(lowest, highest, count)
        expect(ticks.length).toBeGreaterThan(0)
        expect(ticks.length).toBeLessThanOrEqual(count)
        ticks.forEach((tick, i) => {
          expect(tick).toBeGreaterThan(i === 0 ? lowest * (1 - 1e-12) : ticks[i - 1])
          expect(tick).toBeLessThanOrEqual(highest)
          expect(Number(tick.toPrecision(2))).toBe(tick)
        })
      }),
    )
  })

  it('are those a person would choose', () => {
    expect(logarithmicTicks(190, 930, 7)).toEqual([200, 300, 400, 600, 800])
    expect(logarithmicTicks(0.5, 45, 4)).toEqual([1, 3, 10, 30])
    expect(logarithmicTicks(1e-6, 1e6, 4)).toEqual([1e-6, 1e-2, 1e2, 1e6])
  })
})
