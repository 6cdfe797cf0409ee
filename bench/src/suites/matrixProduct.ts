/**
 * Matrix products a·b, a·bᵀ and aᵀ·b of square float32 matrices: the plain and transposed products of forward passes and
 * gradients should cost the same.
 */
import { createWasmBackend, jit, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import { numbers, requireAgreement } from '../numbers.ts'
import { rowOf } from '../row.ts'
import type { Suite } from './suite.ts'

const cases = [
  { name: 'NN', ours: (a: Tensor, b: Tensor) => a.dot(b), left: false, right: false },
  { name: 'NT', ours: (a: Tensor, b: Tensor) => a.dot(b.transpose()), left: false, right: true },
  { name: 'TN', ours: (a: Tensor, b: Tensor) => a.transpose().dot(b), left: true, right: false },
]

export const matrixProduct: Suite = {
  name: 'matrix-product',
  description: 'square float32 products, plain and transposed, 256 to 1024',
  run: async ({ jax, tf }, emit) => {
    const backend = createWasmBackend()
    for (const n of [256, 512, 1024]) {
      const [x, y] = [numbers(1, n * n), numbers(2, n * n)]
      const [a, b] = [x, y].map((data) => tensor(data, { shape: [n, n], backend }))
      const flops = 2 * n ** 3
      const timingOptions = { runs: n === 1024 ? 9 : 21, warmUp: 3 }
      for (const { name, ours, left, right } of cases) {
        const compiled = jit(ours)
        const check = await compiled(a, b).read()
        const mine = (): void => compiled(a, b).dispose()
        const parts = { suite: 'matrix-product', case: `${n} ${name}`, flops }
        if (jax !== undefined) {
          const [p, q] = [x, y].map((data) => jax.numpy.array(data, { shape: [n, n] }))
          const product = () =>
            jax.numpy.matmul(left ? p.ref.transpose() : p.ref, right ? q.ref.transpose() : q.ref)
          requireAgreement(`${n} ${name}`, check, await product().data())
          const theirs = async (): Promise<void> => {
            const result = product()
            await result.blockUntilReady()
            result.dispose()
          }
          const [timing, peer] = await interleave([mine, theirs], timingOptions)
          emit(
            rowOf({
              ...parts,
              timing,
              peer: { name: 'jax-js', timing: peer },
              ...(n === 1024 ? { target: 1.5 } : {}),
            }),
          )
        }
        if (tf !== undefined && (n < 1024 || name === 'NN')) {
          const [p, q] = [x, y].map((data) => tf.tensor2d(data, [n, n]))
          const product = () => tf.matMul(p, q, left, right)
          requireAgreement(`${n} ${name}`, check, await product().data())
          const theirs = async (): Promise<void> => {
            const result = product()
            await result.data()
            result.dispose()
          }
          const [timing, peer] = await interleave([mine, theirs], { runs: 7, warmUp: 2 })
          emit(rowOf({ ...parts, timing, peer: { name: 'tfjs', timing: peer } }))
        }
        if (jax === undefined && tf === undefined) {
          const [timing] = await interleave([mine], timingOptions)
          emit(rowOf({ ...parts, timing }))
        }
        compiled.dispose()
      }
    }
  },
}
