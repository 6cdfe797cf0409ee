/**
 * The forcing term of truncated Newton methods: with b = −∇f, stop when
 *   ‖b − A x_i‖ ≤ η ‖b‖,     η = min(½, ‖b‖^p),   p = ½.
 * Source: Nocedal & Wright, algorithm 7.1; Dembo, Eisenstat & Steihaug 1982 show that p = ½ keeps the outer
 * iteration superlinear and p = 1 makes it quadratic. The scale of f matters: ‖∇f‖ is compared with 1.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { StopRule } from './stopRule.ts'

export interface NewtonForcingOptions {
  /** Largest η, in (0, 1); default 0.5. */
  readonly maximum?: number
  /** p > 0; default 0.5. */
  readonly power?: number
}

/** @throws {ArgumentError} for constants outside their range. */
export function newtonForcing(options: NewtonForcingOptions = {}): StopRule {
  const { maximum = 0.5, power = 0.5 } = options
  if (!(maximum > 0 && maximum < 1 && power > 0)) {
    throw new ArgumentError({
      operation: 'newtonForcing',
      rule: 'needs a maximum in (0, 1) and a power > 0',
      found: `maximum ${maximum}, power ${power}`,
    })
  }
  return {
    name: `Newton forcing min(${maximum}, ‖b‖^${power})`,
    reason: 'residual',
    shouldStop: (history, { rightHandSideNorm: norm }) =>
      (history.at(-1)?.residualNorm ?? Infinity) <= Math.min(maximum, norm ** power) * norm,
  }
}
