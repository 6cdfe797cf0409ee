/**
 * Square float32 products a·b, a·bᵀ and aᵀ·b as the backend runs them, with a few rows checked against float64.
 */
import { jit, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { numbers } from '../numbers.ts'
import type { GpuBench, GpuMeasurement } from './gpuBench.ts'
import { sampledError } from './sampledError.ts'
import { timeReplays } from './replayTiming.ts'

const forms = [
  { name: 'NN', product: (a: Tensor, b: Tensor) => a.dot(b), left: false, right: false },
  { name: 'NT', product: (a: Tensor, b: Tensor) => a.dot(b.transpose()), left: false, right: true },
  { name: 'TN', product: (a: Tensor, b: Tensor) => a.transpose().dot(b), left: true, right: false },
]

async function productsOfOrder(n: number, { backend, plan, card, measured, emit }: GpuBench): Promise<void> {
  const bytes = n * n * 4
  if (bytes > backend.capabilities.maximumBindingBytes) {
    emit({
      suite: 'product',
      case: String(n),
      note: `skipped: a matrix of ${bytes} bytes is above the binding limit`,
    })
    return
  }
  const [x, y] = [numbers(1, n * n), numbers(2, n * n)]
  using a = tensor(x, { shape: [n, n], backend })
  using b = tensor(y, { shape: [n, n], backend })
  const compiled = forms.map(({ product }) => jit(product))
  const errors: number[] = []
  for (const [i, { left, right }] of forms.entries()) {
    using result = compiled[i](a, b)
    errors.push(sampledError({ a: x, b: y, n, left, right }, await result.read()))
  }
  const timings = await timeReplays(
    backend,
    compiled.map((product) => () => product(a, b).dispose()),
    plan,
  )
  for (const [i, { name }] of forms.entries()) {
    emit({
      suite: 'product',
      case: `${n} ${name}`,
      timing: timings[i],
      clock: 'wall',
      flops: 2 * n ** 3,
      peak: card?.float32,
      measured: measured.flops,
      relativeError: errors[i],
    })
  }
  for (const product of compiled) product.dispose()
}

export const matrixProducts: GpuMeasurement = {
  name: 'product',
  description: 'square float32 products, plain and transposed',
  run: async (bench) => {
    for (const n of bench.plan.products) {
      await bench.attempt('product', String(n), () => productsOfOrder(n, bench))
    }
    return undefined
  },
}
