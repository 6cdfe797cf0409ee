// Oracle: Martens' published 300-update log (shared fixture); the rule itself for edge cases.
import { existsSync, readFileSync } from 'node:fs'
import { ArgumentError } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { levenbergMarquardt } from './levenbergMarquardt.ts'
import { reductionRatio } from './reductionRatio.ts'

interface LogRow {
  readonly epoch: number
  readonly rho: number | '-Inf' | 'NaN'
  readonly lambdaAfter: number
}

const log = new URL('../../../../shared/fixtures/martens_hfdemo_curves_log.json', import.meta.url)

describe.skipIf(!existsSync(log))("Martens' log (skipped where ../shared/fixtures is absent)", () => {
  it('gives the logged damping from the logged reduction ratio in 300 of 300 updates', () => {
    const { rows } = JSON.parse(readFileSync(log, 'utf8')) as { rows: readonly LogRow[] }
    let state = { damping: 45 }
    const counts = { down: 0, up: 0, kept: 0 }
    for (const { epoch, rho, lambdaAfter } of rows) {
      const ratio = rho === '-Inf' ? -Infinity : Number(rho)
      const next = levenbergMarquardt(state, ratio)
      const change = next.damping < state.damping ? 'down' : next.damping > state.damping ? 'up' : 'kept'
      counts[change]++
      state = next
      // The log prints five digits.
      expect(Math.abs(state.damping - lambdaAfter) / lambdaAfter, `update ${epoch}`).toBeLessThan(6e-5)
    }
    expect(rows).toHaveLength(300)
    expect(counts).toEqual({ down: 130, up: 20, kept: 150 })
  })
})

describe('levenbergMarquardt', () => {
  it('raises the damping below 1/4, lowers it above 3/4 and keeps it in between, bounds included', () => {
    const after = (ratio: number): number => levenbergMarquardt({ damping: 6 }, ratio).damping
    expect([0.24, 0.25, 0.5, 0.75, 0.76].map(after)).toEqual([9, 6, 6, 6, 4])
  })

  it('raises the damping for a ratio of NaN or −∞', () => {
    expect(levenbergMarquardt({ damping: 2 }, NaN)).toEqual({ damping: 3 })
    expect(levenbergMarquardt({ damping: 2 }, -Infinity)).toEqual({ damping: 3 })
  })

  it('stays within its bounds whatever the ratios', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -2, max: 2 }), { maxLength: 60 }), (ratios) => {
        const bounds = { minimum: 1e-3, maximum: 10 }
        let state = { damping: 1 }
        for (const ratio of ratios) state = levenbergMarquardt(state, ratio, bounds)
        return state.damping >= 1e-3 && state.damping <= 10
      }),
    )
  })

  it('refuses a drop that is none', () => {
    expect(() => levenbergMarquardt({ damping: 1 }, 1, { drop: 1.5 })).toThrow(ArgumentError)
  })
})

describe('reductionRatio', () => {
  const step = { lossBefore: 10, lossAfter: 9, phi: -2, damping: 0.5, stepNorm: 2 }

  it('leaves the damping out of the model by default and keeps it in on request', () => {
    // ½ λ ‖d‖² = 1, so the undamped model promises −3.
    expect(reductionRatio(step)).toBeCloseTo(1 / 3, 15)
    expect(reductionRatio({ ...step, convention: 'damped' })).toBe(0.5)
  })

  it('is −∞ when the objective got worse or is not a number', () => {
    expect(reductionRatio({ ...step, lossAfter: 10.1 })).toBe(-Infinity)
    expect(reductionRatio({ ...step, lossAfter: NaN })).toBe(-Infinity)
    expect(reductionRatio({ ...step, lossAfter: Infinity })).toBe(-Infinity)
  })

  it('is NaN when the model promised nothing, which raises the damping', () => {
    const ratio = reductionRatio({ ...step, phi: 0, stepNorm: 0 })
    expect(ratio).toBeNaN()
    expect(levenbergMarquardt({ damping: 2 }, ratio)).toEqual({ damping: 3 })
  })
})
