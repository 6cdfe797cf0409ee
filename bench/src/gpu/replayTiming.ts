/**
 * Wall time of work that is enqueued on a device: as many replays as fill a round are enqueued together and waited for
 * once, so that the latency of the wait is spread thin; the rounds of several runners are interleaved.
 */
import type { Backend } from '@hessian-free/tensor'
import type { Timing } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { GpuPlan } from './gpuPlan.ts'

/** Most replays enqueued before a wait: a bound on the memory that results hold until then. */
const mostReplays = 200

/** Time per replay of each runner. Runners only enqueue, and free what they made. */
export async function timeReplays(
  backend: Backend,
  runners: readonly (() => void)[],
  { runs, warmUp, roundMilliseconds }: Pick<GpuPlan, 'runs' | 'warmUp' | 'roundMilliseconds'>,
): Promise<Timing[]> {
  const counts: number[] = []
  for (const runner of runners) {
    // The first replay compiles pipelines; the second tells how long one takes.
    let milliseconds = 0
    for (let i = 0; i < 2; i++) {
      const start = performance.now()
      runner()
      await backend.synchronize()
      milliseconds = performance.now() - start
    }
    counts.push(Math.min(mostReplays, Math.max(1, Math.ceil(roundMilliseconds / milliseconds))))
  }
  const rounds = runners.map((runner, i) => async () => {
    for (let replay = 0; replay < counts[i]; replay++) runner()
    await backend.synchronize()
  })
  const timings = await interleave(rounds, { runs, warmUp })
  return timings.map((timing, i) => ({
    ...timing,
    milliseconds: timing.milliseconds / counts[i],
    least: timing.least / counts[i],
  }))
}
