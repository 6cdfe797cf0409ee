/**
 * The reduction ratio of Levenberg-Marquardt: what a step achieved over what the model promised,
 *   ρ = (f(θ + d) − f(θ)) / q(d),     q(d) = g·d + ½ d·(G + w I) d  (+ ½ λ ‖d‖²).
 * Both differences are negative for a good step. Conventions differ between programs and change λ's path, so the
 * one in force has a name: 'undamped' leaves ½λ‖d‖² out (Martens' code); 'damped' keeps it (Kingsbury et al.
 * 2012). The sign printed in Kingsbury's algorithm, (f(θ) − f(θ + d)) / q, is wrong.
 */

export type RatioConvention = 'undamped' | 'damped'

export interface Reduction {
  /** f(θ) and f(θ + d), on the same data. */
  readonly lossBefore: number
  readonly lossAfter: number
  /** φ(d) of conjugate gradients on A = G + wI + λI and b = −g, so q(d) with damping. */
  readonly phi: number
  /** λ in A. */
  readonly damping: number
  /** ‖d‖. */
  readonly stepNorm: number
  /** Default 'undamped'. */
  readonly convention?: RatioConvention
}

/** q(d) without damping: φ(d) − ½ λ ‖d‖². No product is needed. */
export const undampedModelValue = ({ phi, damping, stepNorm }: Omit<Reduction, 'convention'>): number =>
  phi - 0.5 * damping * stepNorm * stepNorm

/**
 * ρ of a step. −∞ if the objective got worse or is NaN (as in Martens' log); NaN if the model promised no decrease, which
 * leaves nothing to compare with. `levenbergMarquardt` boosts λ for both.
 */
export function reductionRatio(reduction: Reduction): number {
  const { lossBefore, lossAfter, phi, convention = 'undamped' } = reduction
  if (!(lossAfter <= lossBefore)) return -Infinity
  const modelValue = convention === 'damped' ? phi : undampedModelValue(reduction)
  return modelValue < 0 ? (lossAfter - lossBefore) / modelValue : NaN
}
