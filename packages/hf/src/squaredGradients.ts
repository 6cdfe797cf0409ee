/**
 * The mean over a sample of squared per-case gradients, d = Σ_i w_i g_i ∘ g_i with w_i = 1 / |sample|: the diagonal of
 * the empirical Fisher matrix, from which Martens' preconditioner is made (2010, §4.7). Each case enters the summed
 * gradient weighted with √w_i, so that squaring its term gives w_i g_i².
 */
import { grad } from '@hessian-free/autodiff'
import {
  applyProgram,
  concatenate,
  flattenTree,
  inlineCalls,
  jit,
  optimise,
  traceFunction,
  unflattenTree,
  zeros,
  zerosLike,
} from '@hessian-free/tensor'
import type { Program, Tensor } from '@hessian-free/tensor'
import type { Sample } from './dataset.ts'
import type { Problem } from './minimisation.ts'
import type { DataTensors } from './objective.ts'
import { dataTensors, gatherRows } from './objective.ts'
import type { ParameterLayout } from './parameterLayout.ts'
import { flattenParameters, unflattenParameters } from './parameterLayout.ts'
import { perCaseSquares } from './preconditioners/perCaseSquares.ts'

export interface SquaredGradients {
  /**
   * d, a flat vector of the caller's.
   * @throws {ArgumentError} if the losses of cases depend on each other, or the gradient is no sum over cases.
   */
  mean(theta: Tensor, sample: Sample): Tensor
  dispose(): void
}

/** Compiles on first use. */
export function createSquaredGradients<P>(problem: Problem<P>, layout: ParameterLayout<P>): SquaredGradients {
  const { model, loss } = problem

  /** Σ_i (√w_i g_i)² for each parameter; recorded in the caller's trace. */
  const squares = (parameters: P, inputs: Tensor, targets: Tensor, weights: Tensor): P => {
    const gradient = (p: P, x: Tensor, t: Tensor, w: Tensor): P =>
      grad((q: P) => loss.perCase(model(q, x), t).multiply(w.sqrt()).sum())(p)
    const traced = traceFunction(gradient, [parameters, inputs, targets, weights], 'perCaseGradient')
    const leafCount = flattenTree(parameters).leaves.length
    const closed: Program = optimise(inlineCalls(traced.program))
    const program = perCaseSquares(closed, [leafCount, leafCount + 1, leafCount + 2])
    const operands = [...flattenTree(parameters).leaves, inputs, targets, weights, ...traced.captures]
    return unflattenTree(traced.structure, applyProgram('perCaseSquares', program, operands))
  }

  const chunk = jit(
    (theta: Tensor, data: DataTensors, indices: Tensor, weights: Tensor, sum: Tensor) => {
      // A single case is joined by itself with weight 0: an axis of extent 1 cannot be told from any other.
      const alone = indices.shape[0] === 1
      const rows = alone ? concatenate([indices, indices]) : indices
      const shares = alone ? concatenate([weights, zerosLike(weights)]) : weights
      const { inputs, targets } = gatherRows(data, rows)
      const tree = squares(unflattenParameters(layout, theta), inputs, targets, shares)
      return sum.add(flattenParameters(layout, tree))
    },
    { name: 'squaredGradientChunk', donate: [4] },
  )
  const start = jit((theta: Tensor) => zeros(theta.shape, theta.dtype), { name: 'zeroDiagonal' })

  return {
    mean: (theta, { dataset, chunks }) => {
      const data = dataTensors(dataset)
      let sum = start(theta)
      for (const { indices, weights } of chunks) sum = chunk(theta, data, indices, weights, sum)
      return sum
    },
    dispose: () => {
      chunk.dispose()
      start.dispose()
    },
  }
}
