/**
 * Stop rules of conjugate gradients: small named objects that look at the history of a run. They are pure, so a
 * rule says the same about an iteration whenever it is asked; a device may therefore run ahead of the host and
 * results do not depend on how far.
 */

/** Why a run ended. Rules of a user's own give 'custom'. */
export type StopReason =
  /** The model decreased too little per iteration (Martens). */
  | 'relativeProgress'
  /** The residual is small enough: `residualReduction`, `newtonForcing`. */
  | 'residual'
  | 'maximumIterations'
  /** p·Ap ≤ 0: A is not positive definite; the last iterate before is the result. */
  | 'negativeCurvature'
  /** r·M⁻¹r ≤ 0 for r ≠ 0: the preconditioner is not positive definite. */
  | 'indefinitePreconditioner'
  /** The residual is zero. */
  | 'converged'
  /** NaN or ∞ turned up; the last finite iterate is the result. */
  | 'notFinite'
  | 'aborted'
  | 'custom'

/** State before the first iteration. */
export interface ConjugateGradientStart {
  /** 'restarted': the warm start had φ > 0 and was dropped. */
  readonly from: 'zero' | 'warmStart' | 'restarted'
  /** φ(x₀), ‖b − A x₀‖, ‖x₀‖ and ‖b‖. */
  readonly phi: number
  readonly residualNorm: number
  readonly iterateNorm: number
  readonly rightHandSideNorm: number
}

/** What one iteration measured. Norms are Euclidean. */
export interface ConjugateGradientIteration {
  /** Counted from 1. */
  readonly iteration: number
  /** φ(x_i) = ½ x·Ax − b·x at the new iterate. */
  readonly phi: number
  /** ‖b − A x_i‖, from the recurrence. */
  readonly residualNorm: number
  /** ‖x_i‖. */
  readonly iterateNorm: number
  /** p·Ap of the direction taken. */
  readonly curvature: number
  /** α: x_i = x_{i−1} + α p. */
  readonly step: number
  /** √(r·M⁻¹r) of the residual that the direction was made from. */
  readonly preconditionedNorm: number
  /** β that made the direction: p = M⁻¹r + β p_previous; 0 in the first iteration. */
  readonly conjugation: number
}

export interface StopRule {
  readonly name: string
  readonly reason: StopReason
  /** @param history iterations 1 … i; the question is whether to stop after the last of them. */
  shouldStop(history: readonly ConjugateGradientIteration[], start: ConjugateGradientStart): boolean
}
