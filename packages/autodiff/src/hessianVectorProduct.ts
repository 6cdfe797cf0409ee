/**
 * Products with the Hessian of a scalar function, forward over reverse: H v = ∂(∇f)(x) v. Linearised once at a point,
 * so that a product replays the linear part of the gradient only.
 */
import type { Tensor } from '@hessian-free/tensor'
import { grad } from './grad.ts'
import { linearize } from './linearize.ts'

export interface HessianOperator<P> {
  /** ∇f at the point. */
  readonly gradient: P
  /** What the point keeps in memory; listed so that a `scope` which returns this object keeps it alive too. */
  readonly residuals: readonly Tensor[]
  /** H v. @throws {ShapeError} unless v is like the point. */
  readonly apply: (direction: P) => P
  readonly dispose: () => void
}

/** The Hessian of `f` in its first argument. Throws as `grad` does. */
export const hessianVectorProduct = <P, Rest extends readonly unknown[]>(
  f: (first: P, ...rest: Rest) => Tensor,
) => ({
  at: (first: P, ...rest: Rest): HessianOperator<P> => {
    const { value, residuals, apply, dispose } = linearize<P, Rest, P>((x, ...others) =>
      grad(f)(x, ...others),
    )(first, ...rest)
    return { gradient: value, residuals, apply, dispose }
  },
})
