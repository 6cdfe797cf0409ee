/**
 * Adam:
 *   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   θ ← θ − ε m̂ / (√v̂ + δ)
 * with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ). Source: Kingma & Ba 2015, algorithm 1. Here for comparison with
 * Hessian-free optimisation, over the same problems.
 */
import { ArgumentError, power, scalarLike } from '@hessian-free/tensor'
import type { MinibatchOptions } from './minibatchMinimisation.ts'
import { minimiseByMinibatches } from './minibatchMinimisation.ts'
import type { MinimiseOptions, Minimisation, Problem, StepRecord } from './minimisation.ts'

export interface AdamOptions extends MinibatchOptions {
  /** ε; default 1e-3. */
  readonly learningRate?: number
  /** β₁; default 0.9. */
  readonly firstDecay?: number
  /** β₂; default 0.999. */
  readonly secondDecay?: number
  /** δ; default 1e-8. */
  readonly stability?: number
}

/** @throws {ArgumentError} for a learning rate ≤ 0 or decays outside [0, 1). */
export function adam<P>(problem: Problem<P>, options: AdamOptions = {}) {
  const { learningRate = 1e-3, firstDecay = 0.9, secondDecay = 0.999, stability = 1e-8 } = options
  const inUnit = (x: number): boolean => x >= 0 && x < 1
  if (!(learningRate > 0) || !inUnit(firstDecay) || !inUnit(secondDecay) || !(stability > 0)) {
    throw new ArgumentError({
      operation: 'adam',
      rule: 'needs learningRate > 0, stability > 0 and decays in [0, 1)',
      found: `learningRate ${learningRate}, decays ${firstDecay} and ${secondDecay}, stability ${stability}`,
    })
  }
  return {
    minimise: (initial: P, run: MinimiseOptions): Minimisation<P, StepRecord> =>
      minimiseByMinibatches(
        problem,
        {
          name: 'adam',
          memoryVectors: 2,
          update: (theta, gradient, [first, second], step) => {
            const m = first.multiply(firstDecay).add(gradient.multiply(1 - firstDecay))
            const v = second.multiply(secondDecay).add(gradient.square().multiply(1 - secondDecay))
            const correction = (decay: number) =>
              scalarLike(1, step).subtract(power(scalarLike(decay, step), step))
            const scaled = m.divide(correction(firstDecay))
            const spread = v.divide(correction(secondDecay)).sqrt().add(stability)
            return { theta: theta.subtract(scaled.divide(spread).multiply(learningRate)), memory: [m, v] }
          },
        },
        initial,
        run,
        options,
      ),
  }
}
