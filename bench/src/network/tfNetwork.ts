/**
 * The same Gauss-Newton product in TensorFlow.js, which has no forward mode: Jv is the derivative of uᵀJ by u, taken
 * by differentiating the gradient once more (the double-backward trick).
 */
import type { Tf, TfTensor } from '../peers/peers.ts'
import type { NetworkCase } from './networkCase.ts'
import { hostInputs, hostLayers, seeds } from './networkCase.ts'

export function tfNetwork(tf: Tf, network: NetworkCase) {
  const { widths, batch } = network
  const classes = widths[widths.length - 1]
  const flat = (seed: number): TfTensor[] =>
    hostLayers(network, seed).flatMap(({ w, b }, i) => [
      tf.tensor2d(w, [widths[i], widths[i + 1]]),
      tf.tensor1d(b),
    ])
  const [theta, v] = [flat(seeds.parameters), flat(seeds.direction)]
  const x = tf.tensor2d(hostInputs(network), [batch, widths[0]])
  const model = (...layers: TfTensor[]): TfTensor => {
    let h = x
    for (let i = 0; i < layers.length; i += 2) {
      const z = tf.matMul(h, layers[i]).add(layers[i + 1])
      h = i === layers.length - 2 ? z : tf.tanh(z)
    }
    return h
  }
  const pulledBack = (u: TfTensor): TfTensor[] =>
    tf.grads((...layers) => tf.sum(model(...layers).mul(u)))(theta)
  const pushedForward = (): TfTensor =>
    tf.grad((u) =>
      pulledBack(u)
        .map((gradient, i) => tf.sum(gradient.mul(v[i])))
        .reduce((a, b) => a.add(b)),
    )(tf.zeros([batch, classes]))
  const product = (): TfTensor[] => {
    const jv = pushedForward()
    const p = tf.softmax(model(...theta))
    const weighted = p.mul(jv)
    return pulledBack(weighted.sub(p.mul(tf.sum(weighted, 1, true))).mul(1 / batch))
  }
  /** Reading one small result waits for all that was enqueued before it. */
  const finish = async (results: readonly TfTensor[]): Promise<void> => {
    await results[results.length - 1].data()
    for (const result of results) result.dispose()
  }
  return {
    productResult: async () => {
      const results = tf.tidy(product)
      const data = await results[0].data()
      for (const result of results) result.dispose()
      return data
    },
    product: () => finish(tf.tidy(product)),
  }
}
