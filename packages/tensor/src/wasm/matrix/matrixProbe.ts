/**
 * The choice of a micro-kernel, by timing a few on packed panels that fit in the first-level cache. Which one
 * wins depends on the engine's register allocator more than on the machine, so it is measured, once per process
 * and only when a matrix product is first compiled.
 *
 * Candidates multiply and add in the same way and sum in the same order, so the choice never changes a result.
 * A heuristic: a function that V8 has not yet optimised may look slow, therefore all candidates are warmed
 * first, timed in turn several times, and each is judged by its best time; another than the first candidate must
 * win by a clear margin.
 */
import { supportsRelaxedSimd } from '../assembler/features.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import type { MatrixFunctions } from './matrixModule.ts'
import { compileMatrixModule, instantiateMatrixModule } from './matrixModule.ts'

export type MultiplyAdd = MicroKernel['multiplyAdd']

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

export interface MicroKernelTiming {
  readonly kernel: MicroKernel
  readonly gigaflops: number
}

const depth = 128
const repeats = 2
/** A multiple of every candidate's rows and columns, so that no tile is cut. */
const side = 48
const pages = 4

/** Milliseconds after which no new round begins: a busy machine must not make the first product wait. */
const budget = 25

/** Best rate of each candidate. */
export function timeMicroKernels(kernels: readonly MicroKernel[], rounds = 16): MicroKernelTiming[] {
  const memory = new WebAssembly.Memory({ initial: pages })
  const runners = kernels.map((kernel) =>
    blockRunner(instantiateMatrixModule(compileMatrixModule(kernel, {}), memory)),
  )
  const best = kernels.map(() => Infinity)
  const begin = performance.now()
  for (let round = 0; round < rounds && (round === 0 || performance.now() - begin < budget); round++) {
    runners.forEach((run, i) => {
      const start = performance.now()
      for (let repeat = 0; repeat < repeats; repeat++) run()
      best[i] = Math.min(best[i], performance.now() - start)
    })
  }
  const flops = repeats * 2 * depth * side * side
  return kernels.map((kernel, i) => ({ kernel, gigaflops: flops / best[i] / 1e6 }))
}

function blockRunner({ panels }: MatrixFunctions): () => void {
  const right = 4 * depth * side
  const output = 2 * right
  return () => {
    panels(0, right, side, side, depth, 0, 0, output, 4 * side, 0, output + 4 * side * side)
  }
}

/** Timer noise on a busy machine stays below this ratio of best times. */
const clearMargin = 1.08

const chosen = new Map<MultiplyAdd, MicroKernel>()

/** The fastest candidate; measured on the first call, then remembered. */
export function chooseMicroKernel(multiplyAdd: MultiplyAdd): MicroKernel {
  let kernel = chosen.get(multiplyAdd)
  if (kernel === undefined) {
    const [first, ...others] = timeMicroKernels(microKernelCandidates(multiplyAdd))
    const best = others.reduce((a, b) => (b.gigaflops > a.gigaflops ? b : a))
    kernel = best.gigaflops > clearMargin * first.gigaflops ? best.kernel : first.kernel
    chosen.set(multiplyAdd, kernel)
  }
  return kernel
}
