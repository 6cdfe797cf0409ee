/**
 * The curvature operator of a problem on a sample, over the flat parameter vector:
 *   v ↦ Σ_i w_i J_iᵀ H_i J_i v + (w + λ) v,   w_i = 1 / |sample|, w the weight decay, λ the damping.
 * `linearize` runs the model once per chunk of the sample and keeps the residuals; a product then replays a compiled
 * program per chunk, one for each length of chunks. λ is an operand, so changing it compiles nothing. Damping is added
 * to a *mean* curvature: added to a sum it would weaken silently as samples grow.
 */
import { gaussNewtonPrograms } from '@hessian-free/autodiff'
import type { GaussNewtonPrograms } from '@hessian-free/autodiff'
import { applyProgram, flattenTree, jit, tensor, unflattenTree } from '@hessian-free/tensor'
import type { Executable, Tensor } from '@hessian-free/tensor'
import type { Sample } from './dataset.ts'
import type { Problem } from './minimisation.ts'
import type { DataTensors } from './objective.ts'
import { dataTensors, gatherRows } from './objective.ts'
import type { ParameterLayout } from './parameterLayout.ts'
import { flattenParameters, unflattenParameters } from './parameterLayout.ts'

/** G + (w + λ) I at one point on one sample. */
export interface CurvatureOperator {
  readonly cases: number
  /** A v, a fresh flat vector. The point must still be alive. */
  apply(v: Tensor, damping: number): Tensor
  /** What a chunk of a product runs, compiling it if need be: for summaries and tests. */
  executableFor(v: Tensor): Executable
  dispose(): void
  [Symbol.dispose](): void
}

export interface Curvature {
  /** Linearises at θ, which must outlive the operator. */
  linearize(theta: Tensor, sample: Sample): CurvatureOperator
  /** Frees the compiled programs. */
  dispose(): void
}

/** Compiles on first use. */
export function createCurvature<P>(problem: Problem<P>, layout: ParameterLayout<P>): Curvature {
  const { model, loss, weightDecay = 0 } = problem
  interface WeightedTargets {
    readonly targets: Tensor
    readonly weights: Tensor
  }
  /** Weights as a column that broadcasts over the outputs of a case. */
  const column = (weights: Tensor, like: Tensor): Tensor =>
    weights.reshape(like.shape.map((extent, axis) => (axis === 0 ? extent : 1)))
  const weightedLoss = {
    value: (z: Tensor, { targets, weights }: WeightedTargets) =>
      loss.perCase(z, targets).multiply(weights).sum(),
    hessianProduct: (z: Tensor, { targets, weights }: WeightedTargets, u: Tensor) =>
      loss.hessianProduct(z, targets, u).multiply(column(weights, u)),
  }

  /** Where the residuals of a chunk are: parameters are taken from θ again, so they are not stored per chunk. */
  const isParameter = (source: GaussNewtonPrograms<P>['residuals'][number]): boolean =>
    source.from === 'input' && source.position < layout.segments.length

  /** The two programs of chunks of one length. */
  const compileChunk = () => {
    // Traced by the first linearisation, needed by the products.
    let programs: GaussNewtonPrograms<P> | undefined
    const programsFor = (parameters: P, inputs: Tensor, weighted: WeightedTargets): GaussNewtonPrograms<P> =>
      (programs ??= gaussNewtonPrograms(model, weightedLoss, parameters, inputs, weighted))

    const linearize = jit(
      (theta: Tensor, data: DataTensors, indices: Tensor, weights: Tensor) => {
        const { inputs, targets } = gatherRows(data, indices)
        const parameters = unflattenParameters(layout, theta)
        const { primal, residuals, captures } = programsFor(parameters, inputs, { targets, weights })
        const operands = [...flattenTree([parameters, inputs, { targets, weights }]).leaves, ...captures]
        const computed = applyProgram('linearizeChunk', primal, operands)
        const stored = residuals.filter((source) => !isParameter(source))
        return [
          ...new Set(stored.map(({ from, position }) => (from === 'input' ? operands : computed)[position])),
        ]
      },
      { name: 'linearizeChunk' },
    )
    const product = jit(
      (theta: Tensor, stored: readonly Tensor[], v: Tensor, sum: Tensor) => {
        const { product: linear, residuals } = programs as GaussNewtonPrograms<P>
        const parameters = flattenTree(unflattenParameters(layout, theta)).leaves
        // The stored tensors are distinct; a residual that occurs again is looked up by its source.
        const places = new Map<string, Tensor>()
        let next = 0
        const all = residuals.map((source) => {
          if (isParameter(source)) return parameters[source.position]
          const key = `${source.from} ${source.position}`
          const found = places.get(key) ?? stored[next++]
          places.set(key, found)
          return found
        })
        const directions = flattenTree(unflattenParameters(layout, v)).leaves
        const found = applyProgram('productChunk', linear, [...all, ...directions])
        return sum.add(flattenParameters(layout, unflattenTree(layout.structure, found)))
      },
      { name: 'productChunk', donate: [3] },
    )
    return { linearize, product }
  }
  const compiled = new Map<number, ReturnType<typeof compileChunk>>()
  const chunkPrograms = (length: number): ReturnType<typeof compileChunk> => {
    const known = compiled.get(length) ?? compileChunk()
    compiled.set(length, known)
    return known
  }
  const damp = jit((v: Tensor, damping: Tensor) => v.multiply(damping), { name: 'damp' })

  return {
    linearize: (theta, { dataset, chunks, cases }) => {
      const data = dataTensors(dataset)
      const linearized = chunks.map(({ indices, weights }) => {
        const { linearize, product } = chunkPrograms(indices.size)
        return { stored: linearize(theta, data, indices, weights), product }
      })
      // One damping serves a whole run of conjugate gradients: its upload is not repeated for every product.
      let factor: { readonly value: number; readonly tensor: Tensor } | undefined
      const factorOf = (value: number, { dtype, backend }: Tensor): Tensor => {
        if (factor?.value !== value) {
          factor?.tensor.dispose()
          factor = { value, tensor: tensor(value, { dtype, backend }) }
        }
        return factor.tensor
      }
      const dispose = (): void => {
        factor?.tensor.dispose()
        factor = undefined
        for (const { stored } of linearized) for (const residual of stored) residual.dispose()
      }
      return {
        cases,
        apply: (v, damping) => {
          const start = damp(v, factorOf(weightDecay + damping, v))
          return linearized.reduce((sum, { stored, product }) => product(theta, stored, v, sum), start)
        },
        executableFor: (v) => {
          const [{ stored, product }] = linearized
          return product.executableFor(theta, stored, v, v)
        },
        dispose,
        [Symbol.dispose]: dispose,
      }
    },
    dispose: () => {
      for (const { linearize, product } of compiled.values()) {
        linearize.dispose()
        product.dispose()
      }
      compiled.clear()
      damp.dispose()
    },
  }
}
