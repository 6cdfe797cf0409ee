/**
 * Gauss-Newton product of the full MNIST autoencoder (784-1000-500-250-30 and back, logistic units, linear code layer,
 * mean logistic cross-entropy) on generated numbers, which bench/torch/serve.py repeats.
 */
import { gaussNewtonProduct } from '@hessian-free/autodiff'
import { logisticCrossEntropy } from '@hessian-free/hf'
import type { DenseLayer } from '@hessian-free/hf'
import { disposeTree, sigmoid, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { numbers } from '../numbers.ts'
import { hostLayers, seeds } from './networkCase.ts'

const widths = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
const codeLayer = 3
const loss = logisticCrossEntropy()

const model = (layers: readonly DenseLayer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => {
    const z = h.dot(w).add(b)
    return i === codeLayer || i === layers.length - 1 ? z : sigmoid(z)
  }, x)

export function autoencoder(backend: Backend, batch: number) {
  const layersOf = (seed: number): DenseLayer[] =>
    hostLayers({ widths, batch }, seed).map(({ w, b }, i) => ({
      w: tensor(w, { shape: [widths[i], widths[i + 1]], backend }),
      b: tensor(b, { backend }),
    }))
  const [theta, v] = [layersOf(seeds.parameters), layersOf(seeds.direction)]
  // Uniform on [0, 1): as bright as images, and as dense as sums can be.
  const images = numbers(7, batch * widths[0]).map((value) => value + 0.5)
  const x = tensor(images, { shape: [batch, widths[0]], backend })
  const compiled = gaussNewtonProduct(model, {
    value: (z: Tensor, t: Tensor) => loss.perCase(z, t).mean(),
    hessianProduct: (z: Tensor, t: Tensor, u: Tensor) => loss.hessianProduct(z, t, u).multiply(1 / batch),
  })
  const operator = compiled.at(theta, x, x)
  return {
    flops: operator.executable.summary.matrixProductFlops,
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
