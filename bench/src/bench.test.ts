import { describe, expect, it } from 'vitest'
import { parseCommand } from './commandLine.ts'
import { interleave } from './interleave.ts'
import { requireAgreement } from './numbers.ts'
import { formatTable, rowOf } from './row.ts'
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
})

describe('rows', () => {
  const timing = { milliseconds: 2, least: 1, spread: 0.5, runs: 3 }
  it('give the ratio of medians and floating point operations per second', () => {
    const row = rowOf({
      suite: 's',
      case: 'c',
      timing,
      flops: 4e9,
      peer: { name: 'p', timing: { ...timing, milliseconds: 5 } },
      target: 2,
    })
    expect(row).toMatchObject({ ratio: 2.5, gflops: 2000, peer: 'p', peerMilliseconds: 5 })
    expect(formatTable([row])).toContain('met')
    expect(
      formatTable([rowOf({ suite: 's', case: 'c', timing, peer: { name: 'p', timing }, target: 2 })]),
    ).toContain('MISSED')
  })
  it('leave the columns of an absent peer empty', () => {
    expect(rowOf({ suite: 's', case: 'c', timing })).toMatchObject({
      peer: null,
      peerMilliseconds: null,
      ratio: null,
    })
  })
})

describe('the command line', () => {
  it('measures everything by default and what is named otherwise', () => {
    expect(parseCommand([], ['a', 'b'])).toEqual({ suites: ['a', 'b'], help: false, peers: true })
    expect(parseCommand(['b', '--no-peers'], ['a', 'b'])).toEqual({
      suites: ['b'],
      help: false,
      peers: false,
    })
  })
  it('lists what there is when it does not know a name', () => {
    expect(() => parseCommand(['c'], ['a', 'b'])).toThrow(/unknown suite or option 'c'; suites: a, b/)
  })
})

it('refuses to time engines that disagree', () => {
  expect(() => requireAgreement('x', [1, 2], [1, 2.0001])).not.toThrow()
  expect(() => requireAgreement('x', [1, 2], [1, 2.1])).toThrow(/disagree/)
  expect(() => requireAgreement('x', [1], [1, 2])).toThrow(/disagree/)
})
