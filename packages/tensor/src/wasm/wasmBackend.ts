/**
 * The CPU backend: float32, int32, uint32 and bool in one WebAssembly memory, run by modules whose bytes this
 * package emits. Runs finish before `run` returns, so everything can be read at once.
 */
import type { Backend } from '../backend.ts'
import type { Dtype } from '../dtype.ts'
import { BackendError, DtypeError } from '../errors.ts'
import type { Program } from '../program/program.ts'
import { formatType } from '../program/program.ts'
import { supportsSimd } from './assembler/features.ts'
import type { MicroKernel } from './matrix/matrixMicroKernel.ts'
import { chooseMicroKernel, preferredMultiplyAdd } from './matrix/matrixProbe.ts'
import { chooseThreads } from './threads/chooseThreads.ts'
import type { ThreadUse } from './threads/chooseThreads.ts'
import type { TeamPolicy } from './threads/programRunner.ts'
import { createProgramRunner } from './threads/programRunner.ts'
import { createScratchArena } from './scratchArena.ts'
import { WasmAllocator } from './wasmAllocator.ts'
import { allocateBuffer, elementsOf, releaseBuffer } from './wasmBuffer.ts'
import { compileForWasm } from './wasmExecutable.ts'

export interface WasmOptions {
  /**
   * Threads that compute, the caller's included, 1 to 64; by default as many as there are physical cores. Results do not
   * depend on it. Where threads cannot share memory it is one, and `threadUse` says why.
   */
  readonly threads?: number
  /** Multiply and add with two roundings also where the engine can fuse them: the same bits on every machine. */
  readonly deterministic?: boolean
  /** Limit of the memory; 4 GiB by default. */
  readonly maximumBytes?: number
  /** The micro-kernel of matrix products; by default the fastest of a few, timed when first needed. */
  readonly microKernel?: MicroKernel
}

/** The CPU backend. */
export interface WasmBackend extends Backend {
  /** How many threads compute, and why only one where more were possible. */
  readonly threadUse: ThreadUse & {
    /** Runs so far that several threads shared: small programs, and the first runs of others, are not among them. */
    readonly sharedRuns: number
  }
}

let supported: boolean | undefined

/** True where the engine has WebAssembly with 128-bit SIMD. */
export function isWasmSupported(): boolean {
  supported ??= typeof WebAssembly === 'object' && supportsSimd()
  return supported
}

const supports = (dtype: Dtype): boolean => dtype !== 'float64'

function requireSupported(operation: string, dtype: Dtype): void {
  if (supports(dtype)) return
  throw new DtypeError({
    operation,
    rule: 'the wasm backend computes in float32, int32, uint32 and bool',
    found: dtype,
    remedy: 'Convert to float32, or use the reference backend',
  })
}

function requireSupportedProgram({ name, inputs, equations }: Program): void {
  for (const { dtype } of [...inputs, ...equations.flatMap(({ outputs }) => outputs)]) {
    requireSupported(`compile ${name}`, dtype)
  }
}

/** A memory for so many threads, or for one where the system grants none that is shared. */
function createMemory(maximumBytes: number | undefined, wanted: ThreadUse) {
  if (wanted.threads > 1) {
    try {
      return { allocator: new WasmAllocator(maximumBytes, true), threadUse: wanted }
    } catch (error) {
      if (!(error instanceof BackendError)) throw error
    }
  }
  const reason = 'the system grants no memory of this size that threads share; give a smaller maximumBytes'
  const threadUse = wanted.threads > 1 ? { threads: 1, reason } : wanted
  return { allocator: new WasmAllocator(maximumBytes), threadUse }
}

/**
 * A backend with a memory of its own.
 * @throws {BackendError} where the engine has no WebAssembly SIMD; see `isWasmSupported`.
 * @throws {ArgumentError} for a number of threads out of range.
 */
export const createWasmBackend = (options: WasmOptions = {}): WasmBackend => wasmBackendWith(options)

/** `createWasmBackend`, told which programs are given to several threads: a choice that tests make. */
export function wasmBackendWith(options: WasmOptions, policy?: TeamPolicy): WasmBackend {
  if (!isWasmSupported()) {
    throw new BackendError({
      operation: 'createWasmBackend',
      rule: 'the engine must have WebAssembly with 128-bit SIMD',
      remedy: 'Use createReferenceBackend(), or Node 16.4 or a browser of 2021 or newer',
    })
  }
  const { deterministic = false, maximumBytes } = options
  const { allocator, threadUse } = createMemory(maximumBytes, chooseThreads(options.threads))
  const { threads } = threadUse
  const microKernel = (): MicroKernel =>
    options.microKernel ?? chooseMicroKernel(preferredMultiplyAdd(deterministic))
  const runner = createProgramRunner(allocator, {
    threads,
    microKernel,
    ...(policy === undefined ? {} : { policy }),
  })
  let disposed = false
  const requireUsable = (operation: string): void => {
    if (!disposed) return
    throw new BackendError({ operation, rule: 'the wasm backend must not have been disposed of' })
  }
  const context = { allocator, arena: createScratchArena(allocator), runner, microKernel, requireUsable }
  const readSync: Backend['readSync'] = (buffer) => {
    requireUsable('read')
    return elementsOf('read', buffer, allocator).slice()
  }

  return {
    name: 'wasm',
    supports,
    tolerance: (dtype) => (dtype === 'float32' ? 2 ** -23 : 0),
    upload({ dtype, shape, data }) {
      requireUsable('upload')
      requireSupported(`upload ${formatType({ dtype, shape })}`, dtype)
      const buffer = allocateBuffer('upload', { dtype, shape: [...shape] }, allocator)
      elementsOf('upload', buffer, allocator).set(data)
      return buffer
    },
    readSync,
    read: async (buffer) => readSync(buffer),
    release(buffer) {
      // A finaliser may release a tensor after its backend is gone.
      if (!disposed) releaseBuffer('release', buffer, allocator)
    },
    compile(program, compileOptions = {}) {
      requireUsable(`compile ${program.name}`)
      requireSupportedProgram(program)
      return compileForWasm(program, compileOptions, context)
    },
    // Runs end before `run` returns; what may still be under way is workers learning programs.
    synchronize: () => runner.settled(),
    memory: () => allocator.statistics(),
    get threadUse() {
      const { failure, sharedRuns } = runner
      const use = failure === undefined || disposed ? threadUse : { threads: 1, reason: failure }
      return { ...use, sharedRuns }
    },
    dispose() {
      disposed = true
      runner.dispose()
    },
  }
}
