// Conjugate gradients on the gpu backend. Oracle: the same run on the wasm backend, which is read after every iteration.
import { conjugateGradient, lbfgsPreconditioner, relativeProgress, residualReduction } from '@hessian-free/hf'
import type { ConjugateGradientOptions, StopReason } from '@hessian-free/hf'
import {
  createWasmBackend,
  isWasmSupported,
  jit,
  randomKey,
  randomUniforms,
  tensor,
} from '@hessian-free/tensor'
import type { Backend, MemoryStatistics, Tensor } from '@hessian-free/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { testGpuBackend } from '../testing/testGpuBackend.ts'

const gpu = await testGpuBackend()
const wasm = isWasmSupported() ? createWasmBackend() : undefined
afterAll(() => gpu?.dispose())

const n = 48
const product = jit((a: Tensor, v: Tensor) => a.dot(v), { name: 'product' })
const uniform = (seed: number, count: number): number[] =>
  Array.from(randomUniforms(randomKey(seed), count), (u) => 2 * u - 1)

/** R Rᵀ / n + shift · I, row after row; eigenvalues from about the shift to about 4/3 more. */
function symmetric(seed: number, shift: number): Float32Array {
  const r = uniform(seed, n * n)
  return Float32Array.from({ length: n * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n]
    let sum = 0
    for (let k = 0; k < n; k++) sum += r[row * n + k] * r[column * n + k]
    return sum / n + (row === column ? shift : 0)
  })
}

interface Scenario {
  readonly reason: StopReason
  readonly shift: number
  readonly options: ConjugateGradientOptions
}
const scenarios: readonly Scenario[] = [
  { reason: 'relativeProgress', shift: 0.2, options: { stop: [relativeProgress()] } },
  { reason: 'residual', shift: 0.2, options: { stop: [residualReduction({ relative: 1e-4 })] } },
  { reason: 'maximumIterations', shift: 0.2, options: { stop: [], maximumIterations: 15 } },
  { reason: 'negativeCurvature', shift: -0.06, options: { stop: [] } },
  { reason: 'relativeProgress', shift: 0.2, options: { variant: 'standard' } },
]

/** Two runs on one backend: on a system, and on a related one preconditioned with the first run's pairs, started warm. */
async function solveTwice(backend: Backend, seed: number, { shift, options }: Scenario) {
  using first = tensor(symmetric(seed, shift), { shape: [n, n], backend })
  using second = tensor(symmetric(seed, shift + 0.05), { shape: [n, n], backend })
  const right = (more: number): Tensor =>
    tensor(
      Float32Array.from(uniform(seed + 1, n), (x, i) => x + more * Math.sin(i)),
      { backend },
    )
  using b = right(0)
  using changed = right(0.5)
  const lbfgs = lbfgsPreconditioner({ pairs: 8 })
  const run = async (a: Tensor, rightHandSide: Tensor, more: ConjugateGradientOptions = {}) => {
    const waited = (): number => ('waits' in backend ? Number(backend.waits) : 0)
    const atFirst = waited()
    await lbfgs.beginRun({ damping: 0 })
    const preconditioned = !lbfgs.isIdentity
    const before = waited()
    const result = await conjugateGradient((v) => product(a, v), rightHandSide, {
      ...options,
      ...more,
      preconditioner: lbfgs,
      onPair: (pair) => lbfgs.collect(pair),
    })
    lbfgs.endRun(result.stopReason)
    const { iterations, stopReason, history, start } = result
    const waits = waited() - before
    return {
      result,
      iterations,
      stopReason,
      history,
      start,
      waits,
      preconditioned,
      beginning: before - atFirst,
    }
  }
  const plain = await run(first, b)
  const warm = await run(second, changed, { initial: plain.result.solution })
  const read = async ({ result, ...told }: typeof plain) => {
    const iterates = await Promise.all(
      result.iterates.map(async ({ iteration, iterate }) => ({ iteration, x: [...(await iterate.read())] })),
    )
    result.dispose()
    return { ...told, iterates }
  }
  const found = [await read(plain), await read(warm)]
  lbfgs.dispose()
  return found
}

type Told = Awaited<ReturnType<typeof solveTwice>>[number]
const decisions = ({ iterations, stopReason, preconditioned, start, history, iterates }: Told) => ({
  iterations,
  stopReason,
  preconditioned,
  from: start.from,
  judged: history.length,
  kept: iterates.map(({ iteration }) => iteration),
})

/** Relative; single precision has 1.2e-7, which short preconditioned runs have been seen to amplify two hundredfold. */
const rounding = 2e-4
const norm = (x: readonly number[]): number => Math.hypot(...x)
const distance = (x: readonly number[], y: readonly number[]): number =>
  norm(x.map((value, i) => value - y[i]))

const offered = gpu !== undefined && wasm !== undefined
describe.skipIf(!offered)(
  'conjugate gradients on the gpu (skipped where no software Vulkan is offered)',
  () => {
    it.each(scenarios.flatMap((scenario) => [1, 2, 3].map((seed) => ({ ...scenario, seed }))))(
      'end by $reason where those on wasm do, with the same iterates up to rounding (shift $shift, seed $seed)',
      async ({ seed, ...scenario }) => {
        const expected = await solveTwice(wasm!, seed, scenario)
        const found = await solveTwice(gpu!, seed, scenario)
        expect(expected[0].stopReason).toBe(scenario.reason)
        expect(expected[0].preconditioned).toBe(false)
        expect(expected[1].preconditioned).toBe(scenario.reason !== 'negativeCurvature')
        expect(found.map(decisions)).toEqual(expected.map(decisions))
        found.forEach((run, i) => {
          expect(run.waits).toBe(Math.ceil((run.history.length + 1) / 10))
          // The pairs of the first run are judged when the second begins.
          expect(run.beginning).toBe(run.preconditioned ? 1 : 0)
          for (const [k, { x }] of run.iterates.entries()) {
            const wanted = expected[i].iterates[k].x
            expect(distance(x, wanted)).toBeLessThanOrEqual(rounding * norm(wanted))
          }
          for (const [k, { phi }] of run.history.entries()) {
            const wanted = expected[i].history[k].phi
            expect(Math.abs(phi - wanted)).toBeLessThanOrEqual(rounding * Math.abs(wanted))
          }
        })
      },
    )

    it('wait once per ten iterations and hold no more memory after a hundred than after ten', async () => {
      using a = tensor(symmetric(7, 1e-3), { shape: [n, n], backend: gpu! })
      using b = tensor(Float32Array.from(uniform(8, n)), { backend: gpu! })
      const before = gpu!.waits
      const held: MemoryStatistics[] = []
      const limit = 130
      using result = await conjugateGradient((v) => product(a, v), b, {
        stop: [],
        maximumIterations: limit,
        keep: { name: 'last', keeps: () => false },
        // At the same place in every batch of ten; the device has less to do ahead of the last one.
        onIteration: ({ iteration }) => {
          if (iteration % 10 === 0 && iteration < limit - 10) held.push(gpu!.memory())
        },
      })
      expect([result.stopReason, result.iterations]).toEqual(['maximumIterations', limit])
      expect(gpu!.waits - before).toBeLessThanOrEqual(limit / 10 + 1)
      expect(held).toHaveLength(limit / 10 - 2)
      for (const later of held.slice(1)) expect(later).toEqual(held[0])
    })

    it('leave nothing behind, whatever ended them', () => {
      expect(gpu!.memory()).toMatchObject({ liveBuffers: 0, liveBytes: 0 })
    })
  },
)
