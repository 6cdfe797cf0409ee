/**
 * The choice of a micro-kernel, by timing a few on packed panels that fit in the first-level cache. Which one
 * wins depends on the engine's register allocator more than on the machine, so it is measured, once per process
 * and only when a matrix product is first compiled.
 *
 * Candidates multiply and add in the same way and sum in the same order, so the choice never changes a result.
 * Heuristics: engines run a function in baseline code first, several times slower, and optimise it in the background;
 * so a candidate counts only after it has become clearly faster than in its first call and has then stayed
 * as it is. Another than the first candidate must win by a clear margin; where time runs out before all is settled, on a
 * busy machine, it is the first.
 */
import { countedLoop } from '../assembler/countedLoop.ts'
import { supportsRelaxedSimd } from '../assembler/features.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { microKernelBody, microKernelSignature } from './matrixMicroKernel.ts'
import { importMemory } from './matrixModule.ts'
import type { MultiplyAdd } from './multiplyAdd.ts'

/** Tile sizes worth trying: within sixteen vector registers, and few loads for each multiply-add. */
const shapes: readonly Omit<MicroKernel, 'multiplyAdd'>[] = [
  { rows: 4, vectors: 2, unroll: 4 },
  { rows: 4, vectors: 2, unroll: 1 },
  { rows: 2, vectors: 4, unroll: 2 },
  { rows: 6, vectors: 2, unroll: 1 },
]

/** The candidates of one rounding; the first is the choice where timing is not wanted. */
export const microKernelCandidates = (multiplyAdd: MultiplyAdd): MicroKernel[] =>
  shapes.map((shape) => ({ ...shape, multiplyAdd }))

/** `relaxed` where the engine has it, unless results must not depend on the machine. */
export const preferredMultiplyAdd = (deterministic: boolean): MultiplyAdd =>
  !deterministic && supportsRelaxedSimd() ? 'relaxed' : 'separate'

const depth = 128
/** Elements of C in a run, a multiple of every candidate's tile: 590 kflop, some 15 microseconds. */
const elements = 2304
/** One for each operand. */
const pages = 3

/** Milliseconds after which no new round begins: a busy machine must not make the first product wait. */
const budget = 40

/** Rounds without a clear improvement after which rates count as settled. */
const settledRounds = 5

/** Optimised code is at least so many times as fast as baseline code (measured: 3 to 8 times). */
const optimisedGain = 1.8

/** Timer noise on a busy machine stays below this ratio of best times. */
const clearMargin = 1.08

/** What is known of a candidate: milliseconds of its first call and of its best. */
export interface CandidateTimes {
  readonly first: number
  readonly best: number
}

/** Position of the candidate to take. */
export function pickCandidate(times: readonly CandidateTimes[], settled: boolean): number {
  const isOptimised = ({ first, best }: CandidateTimes): boolean => first >= optimisedGain * best
  if (!settled || times.length === 0 || !isOptimised(times[0])) return 0
  const fastest = times.reduce(
    (least, each, i) => (isOptimised(each) && each.best < times[least].best ? i : least),
    0,
  )
  return times[0].best > clearMargin * times[fastest].best ? fastest : 0
}

/** Runs the candidates in turn until their times have settled, or the budget is spent. */
export function timeCandidates(
  runners: readonly (() => void)[],
  now: () => number = () => performance.now(),
): { readonly times: readonly CandidateTimes[]; readonly settled: boolean } {
  const first = runners.map(() => 0)
  const best = runners.map(() => Infinity)
  const begin = now()
  let quietRounds = 0
  for (let round = 0; quietRounds < settledRounds && (round === 0 || now() - begin < budget); round++) {
    let improved = false
    runners.forEach((run, i) => {
      const start = now()
      run()
      const time = now() - start
      if (round === 0) first[i] = time
      if (time < best[i] / clearMargin) improved = true
      best[i] = Math.min(best[i], time)
    })
    // Baseline code is steady too: nothing is settled before all candidates are past it.
    const allOptimised = runners.every((_, i) => first[i] >= optimisedGain * best[i])
    quietRounds = improved || !allOptimised ? 0 : quietRounds + 1
  }
  return {
    times: runners.map((_, i) => ({ first: first[i], best: best[i] })),
    settled: quietRounds >= settledRounds,
  }
}

/** One run of each candidate: the micro-kernel alone, over the same panels again and again. */
function candidateRunners(kernels: readonly MicroKernel[]): (() => void)[] {
  const module = createModuleBuilder()
  const memory = new WebAssembly.Memory({ initial: pages })
  importMemory(module, {})
  kernels.forEach((kernel, i) => {
    const microKernel = module.addFunction(microKernelSignature, microKernelBody(kernel))
    const tile = kernel.rows * 4 * kernel.vectors
    module.addFunction(
      { parameters: ['i32'], results: [] },
      (f, [turns]) => {
        const turn = f.local('i32')
        countedLoop(f, { counter: turn, start: 0, end: turns, step: tile }, () => {
          const [left, right, output] = [0, 1, 2].map((page) => 65536 * page)
          f.i32Const(left).i32Const(right).i32Const(depth).i32Const(output).i32Const(0).i32Const(output)
          f.i32Const(16 * kernel.vectors)
            .i32Const(0)
            .call(microKernel)
        })
      },
      `candidate${i}`,
    )
  })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } })
  return kernels.map((_, i) => {
    const run = exports[`candidate${i}`] as (elements: number) => void
    return () => {
      run(elements)
    }
  })
}

const chosen = new Map<MultiplyAdd, MicroKernel>()

/** The fastest candidate; measured on the first call, then remembered. */
export function chooseMicroKernel(multiplyAdd: MultiplyAdd): MicroKernel {
  let kernel = chosen.get(multiplyAdd)
  if (kernel === undefined) {
    const candidates = microKernelCandidates(multiplyAdd)
    const { times, settled } = timeCandidates(candidateRunners(candidates))
    kernel = candidates[pickCandidate(times, settled)]
    chosen.set(multiplyAdd, kernel)
  }
  return kernel
}
