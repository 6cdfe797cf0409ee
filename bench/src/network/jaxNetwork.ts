/**
 * The same work in jax-js: the Gauss-Newton product in its two best forms, eager linearisation and pullback cached by
 * hand, and jitted jvp and vjp, which repeat the forward pass and multiply by the zero tangent of the data.
 */
import type { Jax, JaxArray, JaxLayer } from '../peers/peers.ts'
import type { NetworkCase } from './networkCase.ts'
import { hostInputs, hostLayers, hostTargets, seeds } from './networkCase.ts'

const rate = 0.1

/** @param settle waits for the device where `blockUntilReady` does not. */
export async function jaxNetwork(
  jax: Jax,
  network: NetworkCase,
  settle: () => Promise<void> = () => Promise.resolve(),
) {
  const { numpy, nn, tree } = jax
  const { widths, batch } = network
  const layersOf = (seed: number): JaxLayer[] =>
    hostLayers(network, seed).map(({ w, b }, i) => ({
      w: numpy.array(w, { shape: [widths[i], widths[i + 1]] }),
      b: numpy.array(b),
    }))
  const [theta, v] = [layersOf(seeds.parameters), layersOf(seeds.direction)]
  const x = numpy.array(hostInputs(network), { shape: [batch, widths[0]] })
  const t = numpy.array(hostTargets(network), { shape: [batch, widths[widths.length - 1]] })
  await jax.blockUntilReady([theta, v, x, t])
  const net = (layers: readonly JaxLayer[], a: JaxArray): JaxArray =>
    layers.reduce((h, { w, b }, i) => {
      const z = numpy.dot(h, w).add(b)
      return i === layers.length - 1 ? z : numpy.tanh(z)
    }, a)
  const loss = (layers: readonly JaxLayer[], a: JaxArray, b: JaxArray): JaxArray =>
    nn
      .logSoftmax(net(layers, a))
      .mul(b)
      .sum()
      .mul(-1 / batch)
  const curvature = (z: JaxArray, u: JaxArray): JaxArray => {
    const p = nn.softmax(z)
    const weighted = p.ref.mul(u)
    const total = weighted.ref.sum(1, { keepdims: true })
    return weighted.sub(p.mul(total)).mul(1 / batch)
  }
  const step = jax.jit((layers: JaxLayer[], a: JaxArray, b: JaxArray) => {
    const [value, gradient] = jax.valueAndGrad((q: JaxLayer[]) => loss(q, a.ref, b.ref))(tree.ref(layers))
    a.dispose()
    b.dispose()
    return {
      value,
      moved: layers.map(({ w, b: bias }, i) => ({
        w: w.sub(gradient[i].w.mul(rate)),
        b: bias.sub(gradient[i].b.mul(rate)),
      })),
    }
  })
  const jitted = jax.jit((layers: JaxLayer[], a: JaxArray, direction: JaxLayer[]) => {
    const f = ((q: JaxLayer[]) => net(q, a.ref)) as never
    const [z, jv] = jax.jvp(f, [tree.ref(layers)], [direction])
    const u = curvature(z, jv)
    const [again, pull] = jax.vjp(f, [layers])
    again.dispose()
    a.dispose()
    const [result] = pull(u)
    ;(pull as unknown as { dispose(): void }).dispose()
    return result
  })
  const gradient = jax.jit((layers: JaxLayer[], a: JaxArray, b: JaxArray) => {
    const [value, result] = jax.valueAndGrad((q: JaxLayer[]) => loss(q, a.ref, b.ref))(layers)
    for (const each of [value, a, b]) each.dispose()
    return result
  })
  const hessian = jax.jit((layers: JaxLayer[], a: JaxArray, b: JaxArray, direction: JaxLayer[]) => {
    const gradientAt = (q: JaxLayer[]) => jax.grad((r: JaxLayer[]) => loss(r, a.ref, b.ref))(q)
    const [value, result] = jax.jvp(gradientAt, [layers], [direction])
    for (const each of [a, b]) each.dispose()
    tree.dispose(value)
    return result
  })
  const f = ((q: JaxLayer[]) => net(q, x.ref)) as never
  const [z, forward] = jax.linearize(f, [tree.ref(theta)])
  const [second, backward] = jax.vjp(f, [tree.ref(theta)])
  second.dispose()
  const cached = (): JaxLayer[] => backward(curvature(z.ref, forward(tree.ref(v))))[0] as JaxLayer[]
  const finish = async (result: unknown): Promise<void> => {
    await jax.blockUntilReady(result)
    await settle()
    tree.dispose(result)
  }
  return {
    productResult: () => cached()[0].w.data(),
    cachedProduct: () => finish(cached()),
    jittedProduct: () => finish(jitted(tree.ref(theta), x.ref, tree.ref(v))),
    step: () => finish(step(tree.ref(theta), x.ref, t.ref)),
    gradient: () => finish(gradient(tree.ref(theta), x.ref, t.ref)),
    hessian: () => finish(hessian(tree.ref(theta), x.ref, t.ref, tree.ref(v))),
  }
}
