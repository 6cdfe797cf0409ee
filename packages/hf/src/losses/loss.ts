/**
 * A loss as the optimisers need it: one number per case, and the product with its output Hessian.
 *
 *   ℓ_i = loss(z_i, t_i),   H_i = ∂²ℓ_i / ∂z_i²,   Gauss-Newton matrix G = Σ_i w_i J_iᵀ H_i J_i
 *
 * Outputs z are what the model returns *before* the squashing function of the last layer, so that H_i is the
 * matching-loss Hessian, positive semi-definite for every convex loss (Schraudolph 2002; splitting after the
 * softmax instead gives the empirical Fisher, see algorithms of Martens 2010 §4.2).
 *
 * Losses are per case and the weights w_i are the objective's, so that a mean over a sample, a sum over chunks
 * and a padded last chunk are one formula and can never disagree about the reduction.
 */
import type { Tensor } from '@hessian-free/tensor'
import { ShapeError, formatShape, sameShape } from '@hessian-free/tensor'

/** A number per case that is reported and never differentiated. */
export interface Metric {
  readonly name: string
  /** [cases, …] outputs and targets → [cases]. */
  perCase(outputs: Tensor, targets: Tensor): Tensor
}

export interface Loss {
  readonly name: string
  /** Outputs [cases, …] and targets → losses [cases]. @throws {ShapeError} if they do not fit. */
  perCase(outputs: Tensor, targets: Tensor): Tensor
  /**
   * Row i is H_i u_i. Symmetric and, for a convex loss, positive semi-definite.
   * @param directions u, of the shape of the outputs.
   */
  hessianProduct(outputs: Tensor, targets: Tensor, directions: Tensor): Tensor
  /** What a report shows beside the loss. */
  readonly metric: Metric
}

/** Sum over every axis but the first. */
export function sumPerCase(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis).slice(1)
  return axes.length === 0 ? x : x.sum(axes)
}

/** @throws {ShapeError} unless outputs and targets have the same shape with a leading axis of cases. */
export function requireSameOutputs(operation: string, outputs: Tensor, targets: Tensor): void {
  if (outputs.rank >= 1 && sameShape(outputs.shape, targets.shape)) return
  throw new ShapeError({
    operation,
    rule: 'targets must have the shape of the outputs, cases first',
    found: `outputs ${formatShape(outputs.shape)}, targets ${formatShape(targets.shape)}`,
  })
}
