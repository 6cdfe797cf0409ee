/** A small problem for tests of the optimiser's parts: random data, layers and a network, all from keys. */
import { glorotInitialisation } from '../initialisation.ts'
import type { DenseLayer } from '../initialisation.ts'
import { hostArray, randomKey, randomUniforms, tanh, typedArrayFrom } from '@hessian-free/tensor'
import type { Backend, HostArray, Tensor } from '@hessian-free/tensor'

export type FloatDtype = 'float32' | 'float64'

/** Uniform numbers in [−1, 1). */
export const uniformArray = (
  seed: number,
  shape: readonly number[],
  dtype: FloatDtype = 'float64',
): HostArray => {
  const count = shape.reduce((a, b) => a * b, 1)
  const values = randomUniforms(randomKey(seed), count).map((u) => 2 * u - 1)
  return hostArray(typedArrayFrom(dtype, values), shape)
}

export const tanhNetwork = (layers: readonly DenseLayer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => (i === layers.length - 1 ? h.dot(w).add(b) : tanh(h.dot(w).add(b))), x)

export const smallLayers = (
  backend: Backend,
  widths: readonly number[],
  dtype: FloatDtype = 'float64',
  seed = 9,
): DenseLayer[] => glorotInitialisation(randomKey(seed), widths, { backend, dtype })
