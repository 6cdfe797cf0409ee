/**
 * What training costs: a 784-512-256-10 tanh network with softmax cross-entropy, batch 256. The Gauss-Newton product is
 * compared with the best that jax-js offers (its eager linearisation and pullback, both cached by hand) and with its
 * jitted jvp and vjp, which repeat the forward pass and multiply by the zero tangent of the data.
 */
import { gaussNewtonProduct, grad, hessianVectorProduct, valueAndGrad } from '@hessian-free/autodiff'
import { softmaxCrossEntropy } from '@hessian-free/hf'
import { createWasmBackend, disposeTree, jit, tanh, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import { numbers, requireAgreement } from '../numbers.ts'
import type { Jax, JaxArray, JaxLayer } from '../peers/peers.ts'
import type { Row, RowParts } from '../row.ts'
import { rowOf } from '../row.ts'
import type { Suite } from './suite.ts'

const widths = [784, 512, 256, 10]
const batch = 256
const rate = 0.1
const options = { runs: 15, warmUp: 4 }

interface Layer {
  readonly w: Tensor
  readonly b: Tensor
}

/** Host data of one network: weights and biases, layer by layer. */
const network = (seed: number, scale: number): { w: Float32Array; b: Float32Array }[] =>
  widths.slice(1).map((outputs, i) => ({
    w: numbers(seed + i, widths[i] * outputs, (2 * scale) / Math.sqrt(widths[i])),
    b: numbers(seed + 50 + i, outputs, 0.2),
  }))

const inputs = numbers(7, batch * widths[0])
const targets = Float32Array.from({ length: batch * 10 }, (_, i) =>
  i % 10 === Math.floor(i / 10) % 10 ? 1 : 0,
)

const model = (layers: readonly Layer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => {
    const z = h.dot(w).add(b)
    return i === layers.length - 1 ? z : tanh(z)
  }, x)

/** Our work, ready to run, with results to compare. */
function ourWork(backend: Backend) {
  const upload = (data: Float32Array, shape: readonly number[]): Tensor => tensor(data, { shape, backend })
  const layersOf = (seed: number, scale: number): Layer[] =>
    network(seed, scale).map(({ w, b }, i) => ({
      w: upload(w, [widths[i], widths[i + 1]]),
      b: upload(b, [widths[i + 1]]),
    }))
  const [theta, v] = [layersOf(1, 1), layersOf(100, 1)]
  const [x, t] = [upload(inputs, [batch, widths[0]]), upload(targets, [batch, 10])]
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
  const hessian = hessianVectorProduct(meanLoss).at(theta, x, t)
  return {
    flops: product.executable.summary.matrixProductFlops,
    stepFlops: step.executableFor(theta, x, t).summary.matrixProductFlops,
    productResult: async () => product.apply(v)[0].w.read(),
    product: () => disposeTree(product.apply(v)),
    step: () => disposeTree(step(theta, x, t)),
    gradient: () => disposeTree(gradient(theta, x, t)),
    hessian: () => disposeTree(hessian.apply(v)),
  }
}

/** The same in jax-js. */
async function jaxWork(jax: Jax) {
  const { numpy, nn, tree } = jax
  const layersOf = (seed: number, scale: number): JaxLayer[] =>
    network(seed, scale).map(({ w, b }, i) => ({
      w: numpy.array(w, { shape: [widths[i], widths[i + 1]] }),
      b: numpy.array(b),
    }))
  const [theta, v] = [layersOf(1, 1), layersOf(100, 1)]
  const x = numpy.array(inputs, { shape: [batch, widths[0]] })
  const t = numpy.array(targets, { shape: [batch, 10] })
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
  const f = ((q: JaxLayer[]) => net(q, x.ref)) as never
  const [z, forward] = jax.linearize(f, [tree.ref(theta)])
  const [second, backward] = jax.vjp(f, [tree.ref(theta)])
  second.dispose()
  const cached = (): JaxLayer[] => backward(curvature(z.ref, forward(tree.ref(v))))[0] as JaxLayer[]
  const finish = async (result: unknown): Promise<void> => {
    await jax.blockUntilReady(result)
    tree.dispose(result)
  }
  return {
    productResult: () => cached()[0].w.data(),
    cachedProduct: () => finish(cached()),
    jittedProduct: () => finish(jitted(tree.ref(theta), x.ref, tree.ref(v))),
    step: () => finish(step(tree.ref(theta), x.ref, t.ref)),
  }
}

export const training: Suite = {
  name: 'training',
  description: 'SGD step, Gauss-Newton and Hessian products of a 784-512-256-10 tanh network, batch 256',
  run: async ({ jax }, emit) => {
    const ours = ourWork(createWasmBackend())
    const row = (parts: Omit<RowParts, 'suite'>): Row => rowOf({ suite: 'training', ...parts })
    const [gradient, hessian] = await interleave([ours.gradient, ours.hessian], options)
    emit(
      row({
        case: 'Hessian product beside our gradient',
        timing: hessian,
        peer: { name: 'our gradient', timing: gradient },
        target: 0.4,
      }),
    )
    if (jax === undefined) {
      const [product, step] = await interleave([ours.product, ours.step], options)
      emit(row({ case: 'Gauss-Newton product', timing: product, flops: ours.flops }))
      emit(row({ case: 'SGD step', timing: step, flops: ours.stepFlops }))
      return
    }
    const theirs = await jaxWork(jax)
    requireAgreement('Gauss-Newton product', await ours.productResult(), await theirs.productResult())
    const [product, cached, jitted] = await interleave(
      [ours.product, theirs.cachedProduct, theirs.jittedProduct],
      options,
    )
    emit(
      row({
        case: 'Gauss-Newton product',
        timing: product,
        flops: ours.flops,
        peer: { name: 'jax-js cached by hand', timing: cached },
        target: 2,
      }),
    )
    emit(
      row({
        case: 'Gauss-Newton product',
        timing: product,
        flops: ours.flops,
        peer: { name: 'jax-js jit(jvp + vjp)', timing: jitted },
      }),
    )
    const [step, theirStep] = await interleave([ours.step, theirs.step], options)
    emit(
      row({
        case: 'SGD step',
        timing: step,
        flops: ours.stepFlops,
        peer: { name: 'jax-js jit', timing: theirStep },
        target: 1.5,
      }),
    )
  },
}
