/**
 * Squared error of linear outputs:
 *   ℓ = c ‖z − t‖²,   H = 2c I
 * with c = ½ by default; c = 1 is the convention of Martens' code and of the reconstruction errors reported in
 * the literature (algorithms of Martens 2010; see also pitfall 23 on what that does to weight decay).
 */
import type { Tensor } from '@hessian-free/tensor'
import type { Loss, Metric } from './loss.ts'
import { requireSameOutputs, sumPerCase } from './loss.ts'

export interface SquaredErrorOptions {
  /** c in c‖z − t‖²; default ½. */
  readonly scale?: number
}

/** Σ (z − t)² per case, for linear outputs. */
export const squaredDistance: Metric = {
  name: 'squared error',
  perCase: (outputs, targets) => sumPerCase(outputs.subtract(targets).square()),
}

/** c‖z − t‖² summed over the outputs of a case. */
export function squaredError(options: SquaredErrorOptions = {}): Loss {
  const { scale = 0.5 } = options
  return {
    name: 'squared error',
    perCase: (outputs, targets) => {
      requireSameOutputs('squaredError', outputs, targets)
      return sumPerCase(outputs.subtract(targets).square()).multiply(scale)
    },
    hessianProduct: (_outputs: Tensor, _targets: Tensor, directions: Tensor) =>
      directions.multiply(2 * scale),
    metric: squaredDistance,
  }
}
