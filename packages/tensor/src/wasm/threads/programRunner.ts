/**
 * Runs the modules of programs: instantiates them beside the matrix module and calls their `run`, alone or with a team
 * of workers, which starts when the first program comes that is worth it.
 */
import { BackendError } from '../../errors.ts'
import type { KernelProgram } from '../../kernel/kernel.ts'
import type { MicroKernel } from '../matrix/matrixMicroKernel.ts'
import { compileMatrixModule } from '../matrix/matrixModule.ts'
import type { WasmAllocator } from '../wasmAllocator.ts'
import { isWorthThreads } from './parallelWork.ts'
import { createTeamPreference } from './teamPreference.ts'
import { ThreadTeam } from './threadTeam.ts'

/** Runs a program over the address table at that address and returns when all of it is done. */
export type RunProgram = (table: number) => void

export interface ProgramRunner {
  /** Threads that may work on a program, the caller's included. */
  readonly threads: number
  /** Why the runner came to work alone, or undefined. */
  readonly failure: string | undefined
  /** Runs so far that several threads shared. */
  readonly sharedRuns: number
  prepare(module: WebAssembly.Module, kernels: KernelProgram): RunProgram
  /** Resolves when the workers know all programs that were given to them. */
  settled(): Promise<void>
  /** Ends the workers. */
  dispose(): void
}

/** When a program is given to the team, and whether the caller waits for it: choices that tests make. */
export interface TeamPolicy {
  readonly isWorthThreads: (kernels: KernelProgram) => boolean
  /** Waits, blocking, until the workers know a program, instead of running it alone meanwhile. */
  readonly waits: boolean
}

const usualPolicy: TeamPolicy = { isWorthThreads, waits: false }

export interface RunnerOptions {
  readonly threads: number
  readonly microKernel: () => MicroKernel
  readonly policy?: TeamPolicy
}

export function createProgramRunner(allocator: WasmAllocator, options: RunnerOptions): ProgramRunner {
  const { threads, microKernel, policy = usualPolicy } = options
  const { memory } = allocator
  let matrix: { readonly module: WebAssembly.Module; readonly exports: WebAssembly.Exports } | undefined
  let team: ThreadTeam | undefined
  let teamKnowsMatrix = false
  let disposed = false

  const matrixOf = (): NonNullable<typeof matrix> => {
    if (matrix === undefined) {
      const module = compileMatrixModule(microKernel(), allocator)
      matrix = { module, exports: new WebAssembly.Instance(module, { env: { memory } }).exports }
    }
    return matrix
  }

  /** The team and the program's number in it; undefined where there is no team. */
  function join(module: WebAssembly.Module, usesMatrix: boolean, owner: object) {
    if (team?.failure !== undefined || disposed) return undefined
    team ??= new ThreadTeam(threads, allocator)
    if (usesMatrix && !teamKnowsMatrix) {
      team.loadMatrix(matrixOf().module)
      teamKnowsMatrix = true
    }
    return { team, number: team.loadProgram(module, owner) }
  }

  return {
    threads,
    get failure() {
      return team?.failure
    },
    get sharedRuns() {
      return team?.runs ?? 0
    },
    prepare(module, kernels) {
      const usesMatrix = kernels.kernels.some(({ kind }) => kind === 'dot')
      const imports: WebAssembly.Imports = { env: { memory } }
      if (usesMatrix) imports.matrix = matrixOf().exports
      const { exports } = new WebAssembly.Instance(module, imports)
      const run = exports.run as (table: number, thread: number, threads: number) => void
      const alone: RunProgram = (table) => {
        run(table, 0, 1)
      }
      if (threads === 1 || !policy.isWorthThreads(kernels)) return alone
      let membership: ReturnType<typeof join>
      const preference = createTeamPreference()
      const together: RunProgram = (table) => {
        membership ??= join(module, usesMatrix, together)
        if (policy.waits) membership?.team.waitUntilAttentive()
        const start = performance.now()
        const shares =
          membership?.team.isAttentive === true && (policy.waits || preference.next() === 'together')
        if (membership === undefined || !shares) {
          alone(table)
          preference.record('alone', performance.now() - start)
          return
        }
        try {
          membership.team.run(membership.number, table, () => {
            run(table, 0, threads)
          })
          preference.record('together', performance.now() - start)
        } catch (cause) {
          throw new BackendError({
            operation: `run ${kernels.name}`,
            rule: 'every thread must finish its share',
            found: membership.team.failure ?? String(cause),
            remedy: 'The backend goes on with one thread; run again',
            cause,
          })
        }
      }
      return together
    },
    settled: async () => {
      while (team?.failure === undefined && team?.isAttentive === false) {
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    },
    dispose() {
      disposed = true
      team?.dispose()
    },
  }
}
