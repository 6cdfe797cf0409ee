/**
 * What training costs: a 784-512-256-10 tanh network with softmax cross-entropy, batch 256. The Gauss-Newton product is
 * compared with the best that jax-js offers (its eager linearisation and pullback, both cached by hand), with its jitted
 * jvp and vjp, which repeat the forward pass and multiply by the zero tangent of the data, and with TensorFlow.js, which
 * has no forward mode and differentiates its gradient once more.
 */
import { interleave } from '../interleave.ts'
import { ourNetwork } from '../network/ourNetwork.ts'
import type { Peers } from '../peers/peerEngine.ts'
import type { Row, RowParts } from '../row.ts'
import { rowOf } from '../row.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { rounds } from './suite.ts'

const suite = 'training'
const network = { widths: [784, 512, 256, 10], batch: 256 }
const quickNetwork = { widths: [12, 9, 8, 10], batch: 6 }

async function measure(
  threads: number,
  peers: Peers,
  emit: (row: Row) => void,
  context: SuiteContext,
): Promise<void> {
  const wanted = context.quick ? quickNetwork : network
  const ours = ourNetwork(context.backend(threads), wanted)
  const hessian = ours.hessian()
  const row = (parts: Omit<RowParts, 'suite' | 'threads'>): void => {
    emit(rowOf({ suite, threads, ...parts }))
  }
  const result = await ours.productResult()
  const jax = await peers.jax(threads)?.prepare({ kind: 'training', ...wanted }, result)
  const jaxRunners = ['cachedProduct', 'jittedProduct', 'step', 'gradient'].flatMap((name) =>
    jax === undefined ? [] : [jax.runner(name)],
  )
  const timings = await interleave(
    [ours.product, ours.step, ours.gradient, hessian, ...jaxRunners],
    rounds(context, 15, 4),
  )
  const [product, step, gradient, second, cached, jitted, theirStep, theirGradient] = timings
  const productRow = { case: 'Gauss-Newton product', timing: product, flops: ours.flops }
  const stepRow = { case: 'SGD step', timing: step, flops: ours.stepFlops() }
  if (jax === undefined) {
    row(productRow)
    row(stepRow)
  } else {
    row({ ...productRow, peer: { name: 'jax-js cached by hand', timing: cached }, target: 2 })
    row({ ...productRow, peer: { name: 'jax-js jit(jvp + vjp)', timing: jitted }, target: 3.5 })
    row({ ...stepRow, peer: { name: 'jax-js jit', timing: theirStep }, target: 2 })
    row({ case: 'gradient', timing: gradient, peer: { name: 'jax-js jit', timing: theirGradient } })
  }
  row({
    case: 'Hessian product beside a gradient',
    timing: second,
    peer: { name: 'our gradient', timing: gradient },
    atMost: 2.5,
  })
  if (jax !== undefined) {
    const [ourHessian, theirHessian, again] = await interleave(
      [hessian, jax.runner('hessian'), jax.runner('gradient')],
      rounds(context, 5, 1),
    )
    row({
      case: 'Hessian product',
      timing: ourHessian,
      peer: { name: 'jax-js jit(jvp(grad))', timing: theirHessian },
      note: `theirs takes ${(theirHessian.milliseconds / again.milliseconds).toFixed(1)} times their gradient`,
    })
    await jax.drop()
  }
  const tf = await peers.tf()?.prepare({ kind: 'training', ...wanted }, result)
  if (tf !== undefined) {
    const [again, theirs] = await interleave([ours.product, tf.runner('product')], rounds(context, 5, 1))
    row({
      ...productRow,
      timing: again,
      peer: { name: 'tfjs double backward', timing: theirs, threads: 1 },
      target: 40,
    })
    await tf.drop()
  }
}

export const training: Suite = {
  name: suite,
  description: 'SGD step, Gauss-Newton and Hessian products of a 784-512-256-10 tanh network, batch 256',
  run: async (peers, emit, context) => {
    for (const threads of context.threads) await measure(threads, peers, emit, context)
  },
}
