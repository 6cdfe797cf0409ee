/**
 * The classical stop rule of iterative solvers: ‖b − A x_i‖ ≤ max(rtol ‖b‖, atol).
 * Source: Barrett et al., Templates (1994), §4.2.2, criterion 2. Relative to ‖b‖ and not to ‖r₀‖, so that a good
 * warm start shortens the run instead of raising the bar.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { StopRule } from './stopRule.ts'

export interface ResidualReductionOptions {
  /** Relative to ‖b‖; default 1e-5. */
  readonly relative?: number
  /** Default 0. */
  readonly absolute?: number
}

/** @throws {ArgumentError} for negative tolerances. */
export function residualReduction(options: ResidualReductionOptions = {}): StopRule {
  const { relative = 1e-5, absolute = 0 } = options
  if (!(relative >= 0 && absolute >= 0)) {
    throw new ArgumentError({
      operation: 'residualReduction',
      rule: 'tolerances must not be negative',
      found: `relative ${relative}, absolute ${absolute}`,
    })
  }
  return {
    name: `residual ≤ max(${relative}‖b‖, ${absolute})`,
    reason: 'residual',
    shouldStop: (history, { rightHandSideNorm }) =>
      (history.at(-1)?.residualNorm ?? Infinity) <= Math.max(relative * rightHandSideNorm, absolute),
  }
}
