/**
 * The parameters of a run: one flat vector on the backend, and ways to look at it. A step replaces the vector
 * as a whole, so going back is keeping the old one; nothing is ever undone by subtraction (θ + d − d ≠ θ in
 * floating point). Host arrays of the leaves hold all of it, so a run can go on from them bit for bit.
 */
import {
  ShapeError,
  backendOf,
  flattenTree,
  formatType,
  hostArray,
  jit,
  sameType,
  tensor,
  typedArray,
} from '@hessian-free/tensor'
import type { Backend, HostArray, Tensor, TypedArray } from '@hessian-free/tensor'
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

/** The leaves of a flat vector as host arrays, in order. */
export const leavesOf = <P>({ segments }: ParameterLayout<P>, flat: TypedArray): HostArray[] =>
  segments.map(({ offset, size, shape }) => hostArray(flat.slice(offset, offset + size), shape))

/**
 * The flat vector of leaves given as host arrays.
 * @throws {ShapeError} unless they have the shapes and the dtype of the layout, in its order.
 */
function flatVector<P>(
  { segments, dtype, size }: ParameterLayout<P>,
  leaves: readonly HostArray[],
  backend: Backend,
): Tensor {
  const types = segments.map(({ shape }) => ({ shape, dtype }))
  if (leaves.length !== types.length || !leaves.every((leaf, i) => sameType(leaf, types[i]))) {
    throw new ShapeError({
      operation: 'minimise',
      rule: `the parameters to go on from must be ${types.map(formatType).join(', ')}`,
      found: leaves.map(formatType).join(', '),
    })
  }
  const flat = typedArray(dtype, size)
  segments.forEach(({ offset }, i) => flat.set(leaves[i].data, offset))
  return tensor(flat, { backend })
}

/**
 * Copies the initial parameters; the caller keeps its own. The run takes place on their backend.
 * @param values to begin with instead of those of `initial`, leaf by leaf.
 * @throws {ArgumentError | DtypeError} from `parameterLayout`. @throws {BackendError} unless all are on one backend.
 * @throws {ShapeError} unless the values are like the initial parameters.
 */
export function createParameterState<P>(initial: P, values?: readonly HostArray[]): ParameterState<P> {
  const layout = parameterLayout(initial)
  const flatten = jit((tree: P) => flattenParameters(layout, tree), { name: 'flattenParameters' })
  const unflatten = jit((flat: Tensor) => unflattenParameters(layout, flat), { name: 'unflattenParameters' })
  let vector =
    values === undefined
      ? flatten(initial)
      : flatVector(layout, values, backendOf('minimise', flattenTree(initial).leaves))
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
    snapshot: async () => leavesOf(layout, await vector.read()),
    dispose: () => {
      vector.dispose()
      flatten.dispose()
      unflatten.dispose()
    },
  }
}
