/**
 * What training costs: a 784-512-256-10 tanh network with softmax cross-entropy, batch 256. The Gauss-Newton product is
 * compared with the best that jax-js offers (its eager linearisation and pullback, both cached by hand) and with its
 * jitted jvp and vjp, which repeat the forward pass and multiply by the zero tangent of the data.
 */
import { createWasmBackend } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import { jaxNetwork } from '../network/jaxNetwork.ts'
import { ourNetwork } from '../network/ourNetwork.ts'
import { requireAgreement } from '../numbers.ts'
import type { Row, RowParts } from '../row.ts'
import { rowOf } from '../row.ts'
import type { Suite } from './suite.ts'

const network = { widths: [784, 512, 256, 10], batch: 256 }
const options = { runs: 15, warmUp: 4 }

export const training: Suite = {
  name: 'training',
  description: 'SGD step, Gauss-Newton and Hessian products of a 784-512-256-10 tanh network, batch 256',
  run: async ({ jax }, emit) => {
    const ours = ourNetwork(createWasmBackend(), network)
    const row = (parts: Omit<RowParts, 'suite'>): Row => rowOf({ suite: 'training', ...parts })
    const [gradient, hessian] = await interleave([ours.gradient, ours.hessian()], options)
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
      emit(row({ case: 'SGD step', timing: step, flops: ours.stepFlops() }))
      return
    }
    const theirs = await jaxNetwork(jax, network)
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
        flops: ours.stepFlops(),
        peer: { name: 'jax-js jit', timing: theirStep },
        target: 1.5,
      }),
    )
  },
}
