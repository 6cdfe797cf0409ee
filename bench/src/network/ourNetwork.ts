/**
 * Training work of a `NetworkCase` with this project, ready to run on any backend.
 */
import { gaussNewtonProduct, grad, hessianVectorProduct, valueAndGrad } from '@hessian-free/autodiff'
import { softmaxCrossEntropy } from '@hessian-free/hf'
import { disposeTree, jit, tanh, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import type { NetworkCase } from './networkCase.ts'
import { hostInputs, hostLayers, hostTargets, seeds } from './networkCase.ts'

interface Layer {
  readonly w: Tensor
  readonly b: Tensor
}

const rate = 0.1

const model = (layers: readonly Layer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => {
    const z = h.dot(w).add(b)
    return i === layers.length - 1 ? z : tanh(z)
  }, x)

/** Everything is enqueued; whoever times a device waits for it. */
export function ourNetwork(backend: Backend, network: NetworkCase) {
  const { widths, batch } = network
  const upload = (data: Float32Array, shape: readonly number[]): Tensor => tensor(data, { shape, backend })
  const layersOf = (seed: number): Layer[] =>
    hostLayers(network, seed).map(({ w, b }, i) => ({
      w: upload(w, [widths[i], widths[i + 1]]),
      b: upload(b, [widths[i + 1]]),
    }))
  const [theta, v] = [layersOf(seeds.parameters), layersOf(seeds.direction)]
  const x = upload(hostInputs(network), [batch, widths[0]])
  const t = upload(hostTargets(network), [batch, widths[widths.length - 1]])
  const cross = softmaxCrossEntropy()
  const meanLoss = (layers: readonly Layer[], a: Tensor, b: Tensor): Tensor =>
    cross.perCase(model(layers, a), b).mean()
  const product = gaussNewtonProduct(model, {
    value: (z: Tensor, b: Tensor) => cross.perCase(z, b).mean(),
    hessianProduct: (z: Tensor, b: Tensor, u: Tensor) => cross.hessianProduct(z, b, u).multiply(1 / batch),
  }).at(theta, x, t)
  const step = jit((layers: readonly Layer[], a: Tensor, b: Tensor) => {
    const { value, gradient } = valueAndGrad(meanLoss)(layers, a, b)
    const moved = layers.map(({ w, b: bias }, i) => ({
      w: w.subtract(gradient[i].w.multiply(rate)),
      b: bias.subtract(gradient[i].b.multiply(rate)),
    }))
    return { value, moved }
  })
  const gradient = jit((layers: readonly Layer[], a: Tensor, b: Tensor) => grad(meanLoss)(layers, a, b))
  const hessian = () => hessianVectorProduct(meanLoss).at(theta, x, t)
  return {
    flops: product.executable.summary.matrixProductFlops,
    stepFlops: () => step.executableFor(theta, x, t).summary.matrixProductFlops,
    productResult: async () => product.apply(v)[0].w.read(),
    product: () => disposeTree(product.apply(v)),
    step: () => disposeTree(step(theta, x, t)),
    gradient: () => disposeTree(gradient(theta, x, t)),
    /** Linearises once, then gives what multiplies. */
    hessian: () => {
      const operator = hessian()
      return () => disposeTree(operator.apply(v))
    },
  }
}
