// Oracles: Martens' log for the rates; the sufficient-decrease condition itself, checked on the result.
import { existsSync, readFileSync } from 'node:fs'
import { ArgumentError } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { armijoLineSearch } from './armijoLineSearch.ts'

const log = new URL('../../../../shared/fixtures/martens_hfdemo_curves_log.json', import.meta.url)

describe.skipIf(!existsSync(log))("Martens' log (skipped where ../shared/fixtures is absent)", () => {
  it('arrives at rate 0.8 to the power of the logged reductions in 300 of 300 updates', async () => {
    const { rows } = JSON.parse(readFileSync(log, 'utf8')) as { rows: readonly { reductions: number }[] }
    const slope = -1
    for (const { reductions } of rows) {
      // A loss that just passes at the logged rate and fails at every larger one.
      const rate = 0.8 ** reductions
      const loss = (at: number): number => (at <= rate * 1.0001 ? -0.0101 * at : 1)
      const result = await armijoLineSearch({ loss, initialLoss: 0, slope })
      expect(result.rate).toBeCloseTo(rate, 12)
      expect(result.reductions).toBe(reductions)
    }
    expect(rows.filter(({ reductions }) => reductions > 0)).toHaveLength(14)
  })
})

describe('armijoLineSearch', () => {
  it('takes the full step at once when it decreases the loss enough', async () => {
    const result = await armijoLineSearch({ loss: (rate) => -rate, initialLoss: 0, slope: -1 })
    expect(result).toEqual({ outcome: 'fullStep', rate: 1, loss: -1, reductions: 0, evaluations: 1 })
  })

  it('does not evaluate the full step again when its loss is known', async () => {
    const result = await armijoLineSearch({
      loss: () => Promise.reject(new Error('not asked for')),
      initialLoss: 0,
      slope: -1,
      fullStepLoss: -0.5,
    })
    expect(result).toMatchObject({ outcome: 'fullStep', loss: -0.5, evaluations: 0 })
  })

  it('returns the first rate of its grid that decreases a quadratic enough, and no earlier one does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.1, max: 1e4, noNaN: true }), async (curvature) => {
        const loss = (rate: number): number => -rate + 0.5 * curvature * rate * rate
        const { rate, reductions } = await armijoLineSearch({ loss, initialLoss: 0, slope: -1 })
        const passes = (at: number): boolean => loss(at) <= -1e-2 * at
        expect(passes(rate)).toBe(true)
        if (reductions > 0) expect(passes(rate / 0.8)).toBe(false)
      }),
    )
  })

  it('rejects after sixty reductions and leaves the loss where it was', async () => {
    const result = await armijoLineSearch({ loss: () => 1, initialLoss: 0, slope: -1 })
    expect(result).toEqual({ outcome: 'rejected', rate: 0, loss: 0, reductions: 60, evaluations: 60 })
  })

  it('takes NaN for an infinite loss', async () => {
    const loss = (rate: number): number => (rate > 0.7 ? NaN : -rate)
    expect(await armijoLineSearch({ loss, initialLoss: 0, slope: -1 })).toMatchObject({
      outcome: 'shortened',
      reductions: 2,
    })
  })

  it('refuses a direction that does not descend without evaluating anything', async () => {
    for (const slope of [0, 1, NaN]) {
      const result = await armijoLineSearch({ loss: () => -1, initialLoss: 0, slope })
      expect(result).toMatchObject({ outcome: 'notDescent', rate: 0, evaluations: 0 })
    }
  })

  it('stops between evaluations when aborted', async () => {
    const controller = new AbortController()
    const loss = (): number => {
      controller.abort()
      return 1
    }
    const result = await armijoLineSearch({ loss, initialLoss: 0, slope: -1, signal: controller.signal })
    expect(result).toMatchObject({ outcome: 'aborted', rate: 0, evaluations: 1 })
  })

  it('refuses constants out of range and an initial loss that is not finite', async () => {
    const search = { loss: () => 0, initialLoss: 0, slope: -1 }
    await expect(armijoLineSearch({ ...search, factor: 1 })).rejects.toThrow(ArgumentError)
    await expect(armijoLineSearch({ ...search, initialLoss: NaN })).rejects.toThrow(ArgumentError)
  })
})
