/**
 * The exact Gauss-Newton product of a model and a loss, alone: linearised once at a point, then replayed,
 *   G v = Jᵀ H J v,
 * matrix-free, symmetric, and positive semi-definite where the loss is convex in the outputs. Programs are compiled
 * once per signature and shared by all points. See `gaussNewtonPrograms` for how it is made.
 */
import type { Backend, Executable, Tensor } from '@hessian-free/tensor'
import {
  LifetimeError,
  applyProgram,
  backendOf,
  currentTrace,
  flattenTree,
  formatType,
  runExecutable,
  unflattenTree,
} from '@hessian-free/tensor'
import type { GaussNewtonPrograms } from './gaussNewtonPrograms.ts'
import { gaussNewtonPrograms } from './gaussNewtonPrograms.ts'
import { requireDirections } from './jvp.ts'
import type { OutputLoss } from './outputCurvature.ts'

/** G at one point. */
export interface GaussNewtonOperator<P> {
  /** The loss at the point, a scalar. */
  readonly value: Tensor
  /** What the point keeps in memory; listed so that a `scope` which returns this object keeps it alive too. */
  readonly residuals: readonly Tensor[]
  /** G v, a fresh tree like the parameters. @throws {ShapeError} unless v is like the parameters. */
  apply(direction: P): P
  /** What a product runs, for summaries and tests. @throws {LifetimeError} inside a trace, where nothing is compiled. */
  readonly executable: Executable
  /** Frees value and residuals; parameters, inputs and targets stay the caller's and must outlive the operator. */
  dispose(): void
}

export interface GaussNewtonProduct<P, X, T> {
  /** Linearises at a point; inside a trace it is recorded there. @throws {ArgumentError | DtypeError} from tracing model and loss. */
  at(parameters: P, inputs: X, targets: T): GaussNewtonOperator<P>
  /** Frees the compiled programs. */
  dispose(): void
}

interface Compiled<P> {
  readonly programs: GaussNewtonPrograms<P>
  readonly primal: Executable
  readonly product: Executable
}

const operation = 'gaussNewtonProduct'

/** How the two programs are applied: replayed, or recorded in the active trace. */
interface Application {
  readonly primal: (operands: readonly Tensor[]) => Tensor[]
  readonly product: (operands: readonly Tensor[]) => Tensor[]
  readonly executable?: Executable
}

function operatorAt<P>(
  programs: GaussNewtonPrograms<P>,
  parameters: P,
  leaves: readonly Tensor[],
  { primal, product, executable }: Application,
): GaussNewtonOperator<P> {
  const operands = [...leaves, ...programs.captures]
  const computed = primal(operands)
  const residuals = programs.residuals.map(
    ({ from, position }) => (from === 'input' ? operands : computed)[position],
  )
  const points = flattenTree(parameters, operation).leaves
  return {
    value: computed[0],
    residuals,
    get executable() {
      if (executable !== undefined) return executable
      throw new LifetimeError({ operation, rule: 'inside a trace a product is recorded and not compiled' })
    },
    apply: (direction) => {
      const directions = flattenTree(direction, operation).leaves
      requireDirections(operation, points, directions)
      return unflattenTree(programs.structure, product([...residuals, ...directions]))
    },
    dispose: () => {
      for (const tensor of computed) tensor.dispose()
    },
  }
}

/**
 * @param model (θ, x) ↦ z; trees in, a tree out.
 * @param loss a scalar loss of (z, t): a function, or an object that also knows its Hessian product.
 */
export function gaussNewtonProduct<P, X, T, R>(
  model: (parameters: P, inputs: X) => R,
  loss: OutputLoss<R, T> | ((outputs: R, targets: T) => Tensor),
): GaussNewtonProduct<P, X, T> {
  const outputLoss: OutputLoss<R, T> = typeof loss === 'function' ? { value: loss } : loss
  const caches = new Map<Backend, Map<string, Compiled<P>>>()

  const compile = (backend: Backend, signature: string, args: [P, X, T]): Compiled<P> => {
    let cache = caches.get(backend)
    if (cache === undefined) caches.set(backend, (cache = new Map<string, Compiled<P>>()))
    let compiled = cache.get(signature)
    if (compiled === undefined) {
      const programs = gaussNewtonPrograms(model, outputLoss, ...args)
      compiled = {
        programs,
        primal: backend.compile(programs.primal),
        product: backend.compile(programs.product),
      }
      cache.set(signature, compiled)
    }
    return compiled
  }

  return {
    at: (parameters, inputs, targets) => {
      const { leaves, structure } = flattenTree([parameters, inputs, targets], operation)
      if (currentTrace() !== undefined) {
        const programs = gaussNewtonPrograms(model, outputLoss, parameters, inputs, targets)
        return operatorAt(programs, parameters, leaves, {
          primal: (operands) => applyProgram(operation, programs.primal, operands),
          product: (operands) => applyProgram(operation, programs.product, operands),
        })
      }
      const backend = backendOf(operation, leaves)
      const signature = `${structure.key} ${leaves.map(formatType).join(' ')}`
      const compiled = compile(backend, signature, [parameters, inputs, targets])
      return operatorAt(compiled.programs, parameters, leaves, {
        primal: (operands) => runExecutable(backend, compiled.primal, operands),
        product: (operands) => runExecutable(backend, compiled.product, operands),
        executable: compiled.product,
      })
    },
    dispose: () => {
      for (const cache of caches.values()) {
        for (const { primal, product } of cache.values()) {
          primal.dispose()
          product.dispose()
        }
      }
      caches.clear()
    },
  }
}
