/**
 * Runs the modules of programs: instantiates them beside the matrix module and calls their `run`.
 */
import type { KernelProgram } from '../../kernel/kernel.ts'
import type { MicroKernel } from '../matrix/matrixMicroKernel.ts'
import type { MatrixFunctions } from '../matrix/matrixModule.ts'
import { compileMatrixModule, instantiateMatrixModule } from '../matrix/matrixModule.ts'
import type { WasmAllocator } from '../wasmAllocator.ts'

/** Runs a program over the address table at that address and returns when all of it is done. */
export type RunProgram = (table: number) => void

export interface ProgramRunner {
  /** Threads that may work on a program, the caller's included. */
  readonly threads: number
  prepare(module: WebAssembly.Module, kernels: KernelProgram): RunProgram
}

/** A runner without other threads. */
export function createSingleRunner(allocator: WasmAllocator, microKernel: () => MicroKernel): ProgramRunner {
  const { memory } = allocator
  let matrix: MatrixFunctions | undefined
  return {
    threads: 1,
    prepare(module, { kernels }) {
      const imports: WebAssembly.Imports = { env: { memory } }
      if (kernels.some(({ kind }) => kind === 'dot')) {
        matrix ??= instantiateMatrixModule(compileMatrixModule(microKernel(), allocator), memory)
        imports.matrix = matrix
      }
      const { exports } = new WebAssembly.Instance(module, imports)
      const run = exports.run as (table: number, thread: number, threads: number) => void
      return (table) => {
        run(table, 0, 1)
      }
    },
  }
}
