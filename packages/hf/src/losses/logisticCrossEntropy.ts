/**
 * Cross-entropy of independent logistic outputs, summed over the outputs of a case:
 *   p = 1/(1 + e⁻ᶻ),   ℓ = Σ_j softplus(z_j) − t_j z_j,   H = diag(p ∘ (1 − p))
 * Targets may be any numbers in [0, 1]. Written with softplus, so that no logarithm of a rounded probability is
 * taken. Source: matching loss of the logistic function (Schraudolph 2002); the autoencoders of Martens 2010.
 */
import { sigmoid, softplus } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { Loss, Metric } from './loss.ts'
import { requireSameOutputs, sumPerCase } from './loss.ts'

/** Σ (p − t)² per case: the reconstruction error that the autoencoder literature reports. */
export const reconstructionError: Metric = {
  name: 'reconstruction error',
  perCase: (outputs, targets) => sumPerCase(sigmoid(outputs).subtract(targets).square()),
}

/** −Σ t log p + (1 − t) log(1 − p) per case; `outputs` are logits. */
export function logisticCrossEntropy(): Loss {
  return {
    name: 'logistic cross-entropy',
    perCase: (outputs, targets) => {
      requireSameOutputs('logisticCrossEntropy', outputs, targets)
      return sumPerCase(softplus(outputs).subtract(targets.multiply(outputs)))
    },
    hessianProduct: (outputs: Tensor, _targets: Tensor, directions: Tensor) => {
      const p = sigmoid(outputs)
      return p.subtract(p.square()).multiply(directions)
    },
    metric: reconstructionError,
  }
}
