/**
 * Limits on the number of iterations, as rules: at most n (Martens: 250), and a floor under any other rule.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { StopRule } from './stopRule.ts'

/** Stops after n iterations. @throws {ArgumentError} unless n is a positive integer. */
export function maximumIterations(n: number): StopRule {
  if (!(Number.isInteger(n) && n >= 1)) {
    throw new ArgumentError({
      operation: 'maximumIterations',
      rule: 'the number of iterations must be a positive integer',
      found: String(n),
    })
  }
  return {
    name: `at most ${n}`,
    reason: 'maximumIterations',
    shouldStop: (history) => history.length >= n,
  }
}

/** The rule, asked only from iteration n on. */
export const notBefore = (n: number, rule: StopRule): StopRule => ({
  name: `${rule.name}, not before ${n}`,
  reason: rule.reason,
  shouldStop: (history, start) => history.length >= n && rule.shouldStop(history, start),
})
