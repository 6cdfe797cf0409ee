/**
 * Martens' stop rule: stop after iteration i if, with k = max(10, ⌈0.1 i⌉),
 *   i > k,   φ_{i−k} < 0,   (φ_i − φ_{i−k}) / φ_i < k ε,     ε = 5·10⁻⁴.
 * Source: Martens 2010, §4.4, and his code. The tolerance is per iteration of look-back: the factor k is part of
 * the rule, and ports that drop it run ten times as strict. Never stops before 11 iterations with these constants.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { StopRule } from './stopRule.ts'

export interface RelativeProgressOptions {
  /** ε, per iteration of look-back; default 5e-4. */
  readonly tolerance?: number
  /** Shortest look-back; default 10. */
  readonly minimumLookBack?: number
  /** Look-back as a part of the iterations done; default 0.1. */
  readonly lookBackFraction?: number
  /** False for the rule without the factor k, as several ports have it; default true. */
  readonly scaleByLookBack?: boolean
}

/** @throws {ArgumentError} for a tolerance ≤ 0, a look-back below 1 or a fraction outside [0, 1). */
export function relativeProgress(options: RelativeProgressOptions = {}): StopRule {
  const { tolerance = 5e-4, minimumLookBack = 10, lookBackFraction = 0.1, scaleByLookBack = true } = options
  if (!(tolerance > 0 && minimumLookBack >= 1 && lookBackFraction >= 0 && lookBackFraction < 1)) {
    throw new ArgumentError({
      operation: 'relativeProgress',
      rule: 'needs tolerance > 0, minimumLookBack ≥ 1 and lookBackFraction in [0, 1)',
      found: `tolerance ${tolerance}, minimumLookBack ${minimumLookBack}, lookBackFraction ${lookBackFraction}`,
    })
  }
  return {
    name: `relative progress ${tolerance}`,
    reason: 'relativeProgress',
    shouldStop: (history) => {
      const i = history.length
      const k = Math.max(minimumLookBack, Math.ceil(lookBackFraction * i))
      if (i <= k) return false
      const now = history[i - 1].phi
      const before = history[i - 1 - k].phi
      return before < 0 && (now - before) / now < tolerance * (scaleByLookBack ? k : 1)
    },
  }
}
