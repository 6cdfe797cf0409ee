/**
 * The parameters of a run: one flat vector on the backend, and ways to look at it. A step replaces the vector
 * as a whole, so going back is keeping the old one; nothing is ever undone by subtraction (θ + d − d ≠ θ in
 * floating point).
 */
import { hostArray, jit } from '@hessian-free/tensor'
import type { Backend, HostArray, Tensor } from '@hessian-free/tensor'
import type { ParameterLayout } from './parameterLayout.ts'
import { flattenParameters, parameterLayout, unflattenParameters } from './parameterLayout.ts'

export interface ParameterState<P> {
  readonly layout: ParameterLayout<P>
  readonly backend: Backend
  /** The current θ. */
  readonly vector: Tensor
  /** Makes `next` the current θ and frees the old one. */
  replace(next: Tensor): void
  /** Makes `next` the current θ after an executable has consumed the old one. */
  replaceConsumed(next: Tensor): void
  /** Fresh tensors of the caller's, in the form of the initial tree. */
  parameters(): P
  /** The leaves as host arrays, in order. */
  snapshot(): Promise<readonly HostArray[]>
  dispose(): void
}

/**
 * Copies the initial parameters; the caller keeps its own. The run takes place on their backend.
 * @throws {ArgumentError | DtypeError} from `parameterLayout`. @throws {BackendError} unless all are on one backend.
 */
export function createParameterState<P>(initial: P): ParameterState<P> {
  const layout = parameterLayout(initial)
  const flatten = jit((tree: P) => flattenParameters(layout, tree), { name: 'flattenParameters' })
  const unflatten = jit((flat: Tensor) => unflattenParameters(layout, flat), { name: 'unflattenParameters' })
  let vector = flatten(initial)
  return {
    layout,
    backend: vector.backend,
    get vector() {
      return vector
    },
    replace: (next) => {
      vector.dispose()
      vector = next
    },
    replaceConsumed: (next) => {
      vector = next
    },
    parameters: () => unflatten(vector),
    snapshot: async () => {
      const flat = await vector.read()
      return layout.segments.map(({ offset, size, shape }) =>
        hostArray(flat.slice(offset, offset + size), shape),
      )
    },
    dispose: () => {
      vector.dispose()
      flatten.dispose()
      unflatten.dispose()
    },
  }
}
