/**
 * Element-wise work and reductions as shares of the memory bandwidth: what they read and write, once.
 */
import { jit, tanh, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { numbers } from '../numbers.ts'
import type { GpuMeasurement } from './gpuBench.ts'
import { timeReplays } from './replayTiming.ts'

const rowLength = 1024

export const vectorBandwidth: GpuMeasurement = {
  name: 'vector',
  description: 'bandwidth of element-wise work and reductions',
  run: async ({ backend, plan, card, measured, emit }) => {
    const elements = Math.min(plan.elements, Math.floor(backend.capabilities.maximumBindingBytes / 4))
    const rows = Math.floor(elements / rowLength)
    const count = rows * rowLength
    const shape = [rows, rowLength]
    using x = tensor(numbers(1, count, 8), { shape, backend })
    using y = tensor(numbers(2, count, 8), { shape, backend })
    const add = jit((a: Tensor, b: Tensor) => a.add(b))
    const chain = jit((a: Tensor, b: Tensor) => tanh(a.multiply(b)).add(a).multiply(0.5))
    const sum = jit((a: Tensor) => a.sum())
    const inner = jit((a: Tensor, b: Tensor) => a.multiply(b).sum())
    const rowSums = jit((a: Tensor) => a.sum([1]))
    const columnSums = jit((a: Tensor) => a.sum([0]))
    const cases = [
      { name: 'x + y', vectors: 3, run: () => add(x, y).dispose() },
      { name: '(tanh(x·y) + x)·0.5, fused', vectors: 3, run: () => chain(x, y).dispose() },
      { name: 'sum of all', vectors: 1, run: () => sum(x).dispose() },
      { name: 'inner product', vectors: 2, run: () => inner(x, y).dispose() },
      { name: 'sums of rows', vectors: 1, run: () => rowSums(x).dispose() },
      { name: 'sums of columns', vectors: 1, run: () => columnSums(x).dispose() },
    ]
    const timings = await timeReplays(
      backend,
      cases.map(({ run }) => run),
      plan,
    )
    for (const [i, { name, vectors }] of cases.entries()) {
      emit({
        suite: 'vector',
        case: `${name}, ${rows} × ${rowLength}`,
        timing: timings[i],
        clock: 'wall',
        bytes: vectors * count * 4,
        peak: card?.bandwidth,
        measured: measured.bandwidth,
      })
    }
    for (const compiled of [add, chain, sum, inner, rowSums, columnSums]) compiled.dispose()
    return undefined
  },
}
