import { describe, expect, it } from 'vitest'
import { rowOf } from './row.ts'
import { formatTable } from './rowTable.ts'

const timing = { milliseconds: 2, least: 1, spread: 0.5, runs: 3 }
const named = { suite: 's', case: 'c', timing }

describe('rows', () => {
  it('give the ratio of medians and floating point operations per second', () => {
    const row = rowOf({
      ...named,
      flops: 4e9,
      peer: { name: 'p', timing: { ...timing, milliseconds: 5 } },
      target: 2,
      threads: 2,
    })
    expect(row).toMatchObject({
      ratio: 2.5,
      gflops: 2000,
      threads: 2,
      peer: 'p',
      peerThreads: 2,
      peerMilliseconds: 5,
    })
  })

  it('give shares of a ceiling, by medians and by the best', () => {
    // 4 MB in 2 ms are 2 GB/s, in the best run 4 GB/s.
    const row = rowOf({ ...named, bytes: 4e6, ceiling: { name: 'copy', rate: 4, bestRate: 5 } })
    expect(row).toMatchObject({ gigabytesPerSecond: 2, share: 0.5, bestShare: 0.8 })
  })

  it('leave the columns of an absent peer and ceiling empty', () => {
    expect(rowOf(named)).toMatchObject({
      peer: null,
      peerMilliseconds: null,
      ratio: null,
      ceiling: null,
      share: null,
    })
  })

  it('say on what they were measured', () => {
    const row = rowOf(named)
    expect(row.node).toBe(process.versions.node)
    expect(row.machine).toMatch(/, \d+ processors$/)
    expect(row.load).toBeGreaterThanOrEqual(0)
  })
})

describe('the table', () => {
  const besides = (milliseconds: number) => ({ name: 'p', timing: { ...timing, milliseconds } })

  it('judges a ratio, a relative time and a share', () => {
    expect(formatTable([rowOf({ ...named, peer: besides(5), target: 2 })])).toMatch(/≥ 2× met$/)
    expect(formatTable([rowOf({ ...named, peer: besides(3), target: 2 })])).toMatch(/≥ 2× MISSED$/)
    expect(formatTable([rowOf({ ...named, peer: besides(1.6), atMost: 1.25 })])).toMatch(
      /≤ 1.25× its time met$/,
    )
    expect(formatTable([rowOf({ ...named, peer: besides(1.5), atMost: 1.25 })])).toMatch(
      /≤ 1.25× its time MISSED$/,
    )
    const ceiling = { name: 'micro-kernel', rate: 2200, bestRate: 4400 }
    expect(formatTable([rowOf({ ...named, flops: 4e9, ceiling, aimedShare: 0.85 })])).toMatch(
      /91 % \(best 91 %\) of micro-kernel 2200 .*≥ 85 % met$/,
    )
  })

  it('names the threads of a peer that has fewer', () => {
    const peer = { ...besides(5), threads: 1 }
    expect(formatTable([rowOf({ ...named, threads: 2, peer })])).toContain('p (1 thread) 5 ms')
  })
})
