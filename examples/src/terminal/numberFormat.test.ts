// Oracle: numbers written out by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatCount, formatNumber } from './numberFormat.ts'

describe('formatNumber', () => {
  it.each([
    [0, '0'],
    [45, '45'],
    [13.333333, '13.33'],
    [-0.98765, '-0.9877'],
    [0.0012345, '0.001234'],
    [0.00012345, '1.23e-4'],
    [123456, '123500'],
    [1234567, '1.23e+6'],
    [-Infinity, '-inf'],
    [NaN, 'NaN'],
  ])('writes %d as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text)
  })

  it('stays within one part in a thousand of the number, and short', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (value) => {
        const text = formatNumber(value)
        expect(Math.abs(Number(text) - value) / value).toBeLessThan(6e-3)
        expect(text.length).toBeLessThanOrEqual(9)
      }),
    )
  })
})

describe('formatCount', () => {
  it.each([
    [0, '0'],
    [9999, '9999'],
    [26036, '26.0k'],
    [1_234_567, '1.23M'],
    [7_890_000_000, '7.89G'],
  ])('writes %d as %s', (count, text) => {
    expect(formatCount(count)).toBe(text)
  })
})
