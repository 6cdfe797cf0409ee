// Oracle: each rule's inequality, applied to histories made up for the purpose.
import { ArgumentError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { maximumIterations, notBefore } from './iterationLimits.ts'
import { newtonForcing } from './newtonForcing.ts'
import { relativeProgress } from './relativeProgress.ts'
import { residualReduction } from './residualReduction.ts'
import type { ConjugateGradientIteration, StopRule } from './stopRule.ts'

const iterationWith = (iteration: number, phi: number, residualNorm = 1): ConjugateGradientIteration => ({
  iteration,
  phi,
  residualNorm,
  iterateNorm: 1,
  curvature: 1,
  step: 1,
  preconditionedNorm: 1,
  conjugation: 0,
})
const startWith = (rightHandSideNorm: number) =>
  ({ from: 'zero', phi: 0, residualNorm: rightHandSideNorm, iterateNorm: 0, rightHandSideNorm }) as const

/** The first iteration after which the rule stops a run with these φ. */
function stopsAt(rule: StopRule, phis: readonly number[]): number | undefined {
  const history = phis.map((phi, i) => iterationWith(i + 1, phi))
  const stop = history.findIndex((_, i) => rule.shouldStop(history.slice(0, i + 1), startWith(1)))
  return stop < 0 ? undefined : stop + 1
}
const after = (residualNorm: number, rule: StopRule, rightHandSideNorm: number): boolean =>
  rule.shouldStop([iterationWith(1, -1, residualNorm)], startWith(rightHandSideNorm))

describe('relativeProgress', () => {
  it('stops a run without progress after 11 iterations and no earlier', () => {
    expect(stopsAt(relativeProgress(), new Array<number>(40).fill(-1))).toBe(11)
  })

  it('needs φ to have been negative at the look-back: a bad warm start does not stop it', () => {
    const phis = [...new Array<number>(15).fill(3), ...new Array<number>(40).fill(-1)]
    expect(stopsAt(relativeProgress(), phis)).toBe(26)
  })

  it('allows k times the tolerance over a look-back of k', () => {
    // φ grows by the same factor in every iteration; over k iterations 1 − q^−k is compared with k · 5e-4.
    const phis = (rate: number): number[] => Array.from({ length: 60 }, (_, i) => -((1 + rate) ** i))
    expect(stopsAt(relativeProgress(), phis(4.9e-4))).toBe(11)
    expect(stopsAt(relativeProgress(), phis(6e-4))).toBeUndefined()
    expect(stopsAt(relativeProgress({ scaleByLookBack: false }), phis(4.9e-4))).toBeUndefined()
    expect(stopsAt(relativeProgress({ scaleByLookBack: false }), phis(4.9e-5))).toBe(11)
  })

  it('looks back a tenth of the run once that is more than ten iterations', () => {
    // Progress stops at iteration 200; the look-back is then ⌈0.1 i⌉ = 23 when it first clears the last progress.
    const phis = Array.from({ length: 300 }, (_, i) => -Math.min(i + 1, 200) - 1)
    const stop = stopsAt(relativeProgress(), phis) ?? 0
    const k = Math.ceil(0.1 * stop)
    const decrease = (i: number, lookBack: number): number =>
      (phis[i - 1] - phis[i - 1 - lookBack]) / phis[i - 1]
    expect(k).toBeGreaterThan(20)
    expect(decrease(stop, k)).toBeLessThan(k * 5e-4)
    const before = Math.ceil(0.1 * (stop - 1))
    expect(decrease(stop - 1, before)).toBeGreaterThanOrEqual(before * 5e-4)
  })

  it('refuses a tolerance that is not positive', () => {
    expect(() => relativeProgress({ tolerance: 0 })).toThrow(ArgumentError)
  })
})

describe('residualReduction', () => {
  it('compares with the larger of the relative and the absolute tolerance', () => {
    const rule = residualReduction({ relative: 1e-2, absolute: 0.5 })
    expect([1, 0.99].map((residual) => after(residual, rule, 100))).toEqual([true, true])
    expect(after(1.01, rule, 100)).toBe(false)
    expect([0.5, 0.51].map((residual) => after(residual, rule, 1))).toEqual([true, false])
  })

  it('refuses negative tolerances', () => {
    expect(() => residualReduction({ relative: -1 })).toThrow(ArgumentError)
  })
})

describe('newtonForcing', () => {
  it('asks for half of a large gradient and for √‖g‖ of a small one', () => {
    expect([49, 51].map((residual) => after(residual, newtonForcing(), 100))).toEqual([true, false])
    expect([0.9e-3, 1.1e-3].map((residual) => after(residual, newtonForcing(), 1e-2))).toEqual([true, false])
  })

  it('refuses a forcing term of one', () => {
    expect(() => newtonForcing({ maximum: 1 })).toThrow(ArgumentError)
  })
})

describe('iteration limits', () => {
  const always: StopRule = { name: 'always', reason: 'custom', shouldStop: () => true }

  it('stop at the maximum and hold other rules back until the minimum', () => {
    const phis = Array.from({ length: 20 }, (_, i) => -(2 ** i))
    expect(stopsAt(maximumIterations(7), phis)).toBe(7)
    expect(stopsAt(notBefore(5, always), phis)).toBe(5)
    expect(notBefore(5, always).reason).toBe('custom')
  })

  it('refuses a maximum that is no count', () => {
    expect(() => maximumIterations(2.5)).toThrow(ArgumentError)
    expect(() => maximumIterations(0)).toThrow(ArgumentError)
  })
})
