/**
 * Dense networks: h ← f(h·w + b) layer by layer, the last layer linear (losses take outputs before squashing).
 */
import type { DenseLayer } from '@hessian-free/hf'
import type { Tensor } from '@hessian-free/tensor'

export type Activation = (z: Tensor) => Tensor

/** @param linear layers, besides the last, that have no activation: the code layer of an autoencoder. */
export const denseNetwork =
  (activation: Activation, linear: readonly number[] = []) =>
  (layers: readonly DenseLayer[], inputs: Tensor): Tensor =>
    layers.reduce((h, { w, b }, i) => {
      const z = h.dot(w).add(b)
      return i === layers.length - 1 || linear.includes(i) ? z : activation(z)
    }, inputs)
