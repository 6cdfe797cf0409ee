/**
 * Levenberg-Marquardt damping: λ follows how well the quadratic model predicted the last step,
 *   ρ < 1/4  →  λ · 3/2,     ρ > 3/4  →  λ · 2/3,     otherwise λ stays.
 * Source: Martens 2010, §4.1, and his code, where a ratio that is NaN or −∞ (the objective got worse) also boosts.
 * Nothing differs; the bounds are an option for single precision, off by default.
 */
import { ArgumentError } from '@hessian-free/tensor'

export interface DampingState {
  /** λ of the curvature A = G + λI, G a mean over cases. */
  readonly damping: number
}

export interface LevenbergMarquardtOptions {
  /** Factor when the model was trustworthy; default 2/3. */
  readonly drop?: number
  /** Factor when it was not; default 3/2. */
  readonly boost?: number
  /** ρ below which λ rises; default 1/4. */
  readonly lowRatio?: number
  /** ρ above which λ falls; default 3/4. */
  readonly highRatio?: number
  /** Bounds of λ; default none. */
  readonly minimum?: number
  readonly maximum?: number
}

/**
 * The damping after a step with the given reduction ratio.
 * @param ratio see `reductionRatio`; NaN and −∞ count as a failure of the model.
 * @throws {ArgumentError} unless 0 < drop ≤ 1 ≤ boost, lowRatio ≤ highRatio and minimum ≤ maximum.
 */
export function levenbergMarquardt(
  state: DampingState,
  ratio: number,
  options: LevenbergMarquardtOptions = {},
): DampingState {
  const { drop = 2 / 3, boost = 3 / 2, lowRatio = 1 / 4, highRatio = 3 / 4 } = options
  const { minimum = 0, maximum = Infinity } = options
  if (!(drop > 0 && drop <= 1 && boost >= 1 && lowRatio <= highRatio && minimum <= maximum)) {
    throw new ArgumentError({
      operation: 'levenbergMarquardt',
      rule: 'needs 0 < drop ≤ 1 ≤ boost, lowRatio ≤ highRatio and minimum ≤ maximum',
      found: `drop ${drop}, boost ${boost}, ratios ${lowRatio} and ${highRatio}, bounds ${minimum} and ${maximum}`,
    })
  }
  // Written so that NaN fails both comparisons of a trustworthy model.
  const factor = ratio > highRatio ? drop : ratio >= lowRatio ? 1 : boost
  return { damping: Math.min(maximum, Math.max(minimum, state.damping * factor)) }
}
