/**
 * The full MNIST autoencoder (784-1000-500-250-30 and back, logistic units, linear code layer, logistic cross-entropy) on
 * generated numbers, which the peers in Python repeat (bench/gpu/peers/rows.py), and its Gauss-Newton product.
 */
import { gaussNewtonProduct } from '@hessian-free/autodiff'
import { logisticCrossEntropy } from '@hessian-free/hf'
import type { DenseLayer } from '@hessian-free/hf'
import { disposeTree, sigmoid, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { numbers } from '../numbers.ts'
import { hostLayers, seeds } from './networkCase.ts'

export const autoencoderWidths = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
export const autoencoderLoss = logisticCrossEntropy()

/** Logistic units, but for the layer in the middle and the last one. */
export const autoencoderModel = (layers: readonly DenseLayer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => {
    const z = h.dot(w).add(b)
    return i === layers.length / 2 - 1 || i === layers.length - 1 ? z : sigmoid(z)
  }, x)

/** Parameters, or a direction, from one seed. */
export const autoencoderLayers = (backend: Backend, seed: number): DenseLayer[] =>
  hostLayers({ widths: autoencoderWidths }, seed).map(({ w, b }, i) => ({
    w: tensor(w, { shape: [autoencoderWidths[i], autoencoderWidths[i + 1]], backend }),
    b: tensor(b, { backend }),
  }))

/** Uniform on [0, 1): as bright as images, and as dense as sums can be. */
export const autoencoderImages = (batch: number): Float32Array =>
  numbers(7, batch * autoencoderWidths[0]).map((value) => value + 0.5)

/** The product of the mean loss at generated parameters and images; `dispose` frees all of it. */
export function autoencoderProduct(backend: Backend, batch: number) {
  const [theta, v] = [seeds.parameters, seeds.direction].map((seed) => autoencoderLayers(backend, seed))
  const x = tensor(autoencoderImages(batch), { shape: [batch, autoencoderWidths[0]], backend })
  const compiled = gaussNewtonProduct(autoencoderModel, {
    value: (z: Tensor, t: Tensor) => autoencoderLoss.perCase(z, t).mean(),
    hessianProduct: (z: Tensor, t: Tensor, u: Tensor) =>
      autoencoderLoss.hessianProduct(z, t, u).multiply(1 / batch),
  })
  const operator = compiled.at(theta, x, x)
  return {
    summary: operator.executable.summary,
    run: (): void => {
      disposeTree(operator.apply(v))
    },
    /** Layer by layer, weights before biases, all in one array. */
    async result(): Promise<Float32Array> {
      const product = operator.apply(v)
      const parts = await Promise.all(product.flatMap(({ w, b }) => [w.read(), b.read()]))
      disposeTree(product)
      const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
      let offset = 0
      for (const part of parts) {
        all.set(part, offset)
        offset += part.length
      }
      return all
    },
    dispose(): void {
      operator.dispose()
      compiled.dispose()
      disposeTree([theta, v])
      x.dispose()
    },
  }
}
