/**
 * Stochastic gradient descent with Nesterov's accelerated gradient:
 *   v ← μ v − ε ∇f(θ + μ v),   θ ← θ + v
 * Source: Sutskever, Martens, Dahl & Hinton 2013, equations 3 and 4; μ = 0 is plain gradient descent. Here for
 * comparison with Hessian-free optimisation, over the same problems.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { MinibatchOptions } from './minibatchMinimisation.ts'
import { minimiseByMinibatches } from './minibatchMinimisation.ts'
import type { MinimiseOptions, Minimisation, Problem, StepRecord } from './minimisation.ts'

export interface StochasticGradientDescentOptions extends MinibatchOptions {
  /** ε; default 0.01. */
  readonly learningRate?: number
  /** μ in [0, 1); default 0.9. */
  readonly momentum?: number
}

/** @throws {ArgumentError} for a learning rate ≤ 0 or a momentum outside [0, 1). */
export function stochasticGradientDescent<P>(
  problem: Problem<P>,
  options: StochasticGradientDescentOptions = {},
) {
  const { learningRate = 0.01, momentum = 0.9 } = options
  if (!(learningRate > 0) || !(momentum >= 0 && momentum < 1)) {
    throw new ArgumentError({
      operation: 'stochasticGradientDescent',
      rule: 'needs learningRate > 0 and 0 ≤ momentum < 1',
      found: `learningRate ${learningRate}, momentum ${momentum}`,
    })
  }
  return {
    minimise: (initial: P, run: MinimiseOptions): Minimisation<P, StepRecord> =>
      minimiseByMinibatches(
        problem,
        {
          name: 'stochasticGradientDescent',
          memoryVectors: 1,
          lookAhead: (theta, [velocity]) => theta.add(velocity.multiply(momentum)),
          update: (theta, gradient, [velocity]) => {
            const next = velocity.multiply(momentum).subtract(gradient.multiply(learningRate))
            return { theta: theta.add(next), memory: [next] }
          },
        },
        initial,
        run,
        options,
      ),
  }
}
