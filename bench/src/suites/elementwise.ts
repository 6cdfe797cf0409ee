/**
 * Element-wise work and reductions: a fused chain with a transcendental function, and a sum.
 */
import { createWasmBackend, jit, tanh, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import { numbers, requireAgreement } from '../numbers.ts'
import { rowOf } from '../row.ts'
import type { Suite } from './suite.ts'
import type { JaxArray } from '../peers/peers.ts'

const count = 1e6

export const elementwise: Suite = {
  name: 'element-wise',
  description: '(tanh(x·y) + x)·0.5 and a sum over 1e6 elements',
  run: async ({ jax, tf }, emit) => {
    const backend = createWasmBackend()
    const [u, v] = [numbers(1, count, 8), numbers(2, count, 8)]
    const [x, y] = [u, v].map((data) => tensor(data, { backend }))
    const chain = jit((a: Tensor, b: Tensor) => tanh(a.multiply(b)).add(a).multiply(0.5))
    const total = jit((a: Tensor) => a.sum())
    const options = { runs: 21, warmUp: 5 }
    const check = await chain(x, y).read()
    const mine = (): void => chain(x, y).dispose()
    const mySum = (): void => total(x).dispose()
    if (jax !== undefined) {
      const { numpy } = jax
      const [p, q] = [numpy.array(u), numpy.array(v)]
      const theirChain = jax.jit((a: JaxArray, b: JaxArray) => numpy.tanh(a.ref.mul(b)).add(a).mul(0.5))
      const theirSum = jax.jit((a: JaxArray) => a.sum())
      requireAgreement('chain', check, await theirChain(p.ref, q.ref).data())
      const finish = async (result: JaxArray): Promise<void> => {
        await result.blockUntilReady()
        result.dispose()
      }
      const [timing, peer] = await interleave([mine, () => finish(theirChain(p.ref, q.ref))], options)
      emit(
        rowOf({
          suite: 'element-wise',
          case: 'fused tanh chain 1e6',
          timing,
          peer: { name: 'jax-js', timing: peer },
          target: 4,
        }),
      )
      const [sum, peerSum] = await interleave([mySum, () => finish(theirSum(p.ref))], options)
      emit(
        rowOf({
          suite: 'element-wise',
          case: 'sum 1e6',
          timing: sum,
          peer: { name: 'jax-js', timing: peerSum },
        }),
      )
    }
    if (tf !== undefined) {
      const [p, q] = [tf.tensor1d(u), tf.tensor1d(v)]
      const theirs = async (): Promise<void> => {
        const result = tf.tidy(() => tf.tanh(p.mul(q)).add(p).mul(0.5))
        await result.data()
        result.dispose()
      }
      const [timing, peer] = await interleave([mine, theirs], options)
      emit(
        rowOf({
          suite: 'element-wise',
          case: 'fused tanh chain 1e6',
          timing,
          peer: { name: 'tfjs', timing: peer },
        }),
      )
    }
    if (jax === undefined && tf === undefined) {
      const [timing, sum] = await interleave([mine, mySum], options)
      emit(rowOf({ suite: 'element-wise', case: 'fused tanh chain 1e6', timing }))
      emit(rowOf({ suite: 'element-wise', case: 'sum 1e6', timing: sum }))
    }
  },
}
