import { describe, expect, it } from 'vitest'
import { interleave } from './interleave.ts'
import { requireAgreement } from './numbers.ts'
import { median, spread } from './statistics.ts'

describe('statistics', () => {
  it('take the middle of odd counts, the mean of the middle two of even ones, and refuse nothing', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(() => median([])).toThrow(RangeError)
    expect(spread([1, 2, 3])).toBe(1)
  })
})

describe('interleave', () => {
  it('runs everyone equally often, warm-up included, and alternates who goes first', async () => {
    const order: string[] = []
    const timings = await interleave([() => void order.push('a'), () => void order.push('b')], {
      runs: 2,
      warmUp: 2,
    })
    expect(order.join('')).toBe('abbaabba')
    expect(timings.map(({ runs }) => runs)).toEqual([2, 2])
  })
  it('believes a runner that tells its own time', async () => {
    const told = [3, 8, 4]
    const [timing] = await interleave([() => Promise.resolve(told.shift() ?? 0)], { runs: 3, warmUp: 0 })
    expect(timing).toEqual({ milliseconds: 4, least: 3, spread: 5 / 4, runs: 3 })
  })
})

it('refuses to time engines that disagree', () => {
  expect(() => requireAgreement('x', [1, 2], [1, 2.0001])).not.toThrow()
  expect(() => requireAgreement('x', [1, 2], [1, 2.1])).toThrow(/disagree/)
  expect(() => requireAgreement('x', [1], [1, 2])).toThrow(/disagree/)
})
