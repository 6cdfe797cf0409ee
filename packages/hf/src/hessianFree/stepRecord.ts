/**
 * What one outer iteration reports: enough to redraw the run and to re-derive its decisions.
 */
import type { LineSearchOutcome } from '../armijoLineSearch.ts'
import type { StepRecord } from '../minimisation.ts'
import type { StopReason } from '../stopRules/stopRule.ts'

export interface HessianFreeStep extends StepRecord {
  /** Whether θ moved. */
  readonly accepted: boolean
  /** λ in force during the step, and the one the step led to. */
  readonly damping: number
  readonly nextDamping: number
  /** ρ; −Infinity when the held-out loss got worse. */
  readonly reductionRatio: number
  readonly gradientNorm: number
  readonly conjugateGradient: {
    readonly iterations: number
    readonly products: number
    readonly stopReason: StopReason
    /** Iteration of the iterate that backtracking chose. */
    readonly chosenIterate: number
    /** The quadratic model, damping included, at the last and at the chosen iterate. */
    readonly lastModelValue: number
    readonly chosenModelValue: number
    /** Seconds inside conjugate gradients. */
    readonly seconds: number
  }
  readonly lineSearch: { readonly outcome: LineSearchOutcome | 'notReached'; readonly rate: number }
  readonly gradientCases: number
  readonly curvatureCases: number
}
