/**
 * What a replay costs the host per kernel: the time until the call returns, in which everything is encoded and
 * submitted, for an executable of many kernels that are nearly nothing to the device. Beside it the time until the
 * device has finished, per kernel.
 */
import { jit, tanh, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { Timing } from '../interleave.ts'
import { numbers } from '../numbers.ts'
import { median, spread } from '../statistics.ts'
import type { GpuMeasurement } from './gpuBench.ts'

const order = 16
/** Microseconds of host time per kernel that the project allows itself. */
const target = 8
const leastRuns = 30

const timingOf = (times: readonly number[]): Timing => ({
  milliseconds: median(times),
  least: Math.min(...times),
  spread: spread(times),
  runs: times.length,
})

export const dispatchCost: GpuMeasurement = {
  name: 'dispatch',
  description: 'host cost per kernel of a replay',
  run: async ({ backend, plan, emit }) => {
    using w = tensor(numbers(1, order * order), { shape: [order, order], backend })
    const chain = jit((matrix: Tensor) => {
      let h = matrix
      // A product of products cannot be fused: each is a kernel.
      for (let i = 0; i < plan.kernels; i++) h = tanh(h.dot(matrix))
      return h
    })
    const kernels = chain.executableFor(w).summary.kernels.length
    const host: number[] = []
    const whole: number[] = []
    for (let run = -10; run < Math.max(plan.runs, leastRuns); run++) {
      const start = performance.now()
      const result = chain(w)
      const enqueued = performance.now()
      await backend.synchronize()
      const done = performance.now()
      result.dispose()
      if (run < 0) continue
      host.push(enqueued - start)
      whole.push(done - start)
    }
    chain.dispose()
    const name = `replay of ${kernels} small products`
    emit({
      suite: 'dispatch',
      case: `${name}, on the host`,
      timing: timingOf(host),
      clock: 'host',
      dispatches: kernels,
      target,
    })
    emit({
      suite: 'dispatch',
      case: `${name}, until done`,
      timing: timingOf(whole),
      clock: 'wall',
      dispatches: kernels,
    })
    return undefined
  },
}
