/**
 * One WebAssembly module per program. Every kernel but the matrix products becomes a function in it;
 * runs of such kernels that follow one another become one exported function, so that a replay crosses from
 * JavaScript once per run of kernels and makes no objects.
 *
 * Buffers are found through a table in memory: entry i is the byte address of buffer i. The caller fills it
 * before each run.
 */
import type { BufferIndex, DotKernel, Kernel, KernelProgram, MapKernel } from '../kernel/kernel.ts'
import type { FunctionBuilder, FunctionIndex, Local } from './assembler/functionBuilder.ts'
import type { ModuleBuilder } from './assembler/moduleBuilder.ts'
import { createModuleBuilder } from './assembler/moduleBuilder.ts'
import { dotEpilogueBuffers, kernelBuffers } from './kernelArguments.ts'
import { addKernelFunction } from './kernelFunction.ts'
import { addDotEpilogue, hasPlainResult } from './loops/loopKernel.ts'
import type { MemoryImport } from './matrix/matrixModule.ts'
import { importMemory } from './matrix/matrixModule.ts'

/** What a run of the program does, in order. */
export type ProgramStep =
  /** Calls the export `(table) → ()`. */
  | { readonly kind: 'kernels'; readonly exportName: string }
  /** Runs a product; then, if there is one, the export `(table, batch, first row, row limit) → ()` on its rows. */
  | { readonly kind: 'product'; readonly kernel: DotKernel; readonly epilogueName: string | undefined }

export interface ProgramModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly steps: readonly ProgramStep[]
}

interface Call {
  readonly target: FunctionIndex
  readonly buffers: readonly BufferIndex[]
}

/** Emits the module of a program. @throws {DtypeError} for float64. */
export function programModule({ kernels }: KernelProgram, memory: MemoryImport): ProgramModule {
  const module = createModuleBuilder()
  importMemory(module, memory)
  const steps: ProgramStep[] = []
  let pending: Call[] = []
  const flush = (): void => {
    if (pending.length === 0) return
    const exportName = `kernels${steps.length}`
    addCalls(module, pending, exportName)
    steps.push({ kind: 'kernels', exportName })
    pending = []
  }
  const add = (kernel: Exclude<Kernel, DotKernel>): void => {
    pending.push({ target: addKernelFunction(module, kernel), buffers: kernelBuffers(kernel) })
  }
  for (const kernel of kernels) {
    if (kernel.kind !== 'dot') {
      add(kernel)
      continue
    }
    const { ready, kernel: product } = withStorableAccumulator(kernel)
    if (ready !== undefined) add(ready)
    flush()
    const epilogueName = hasPlainResult(product) ? undefined : `epilogue${steps.length}`
    if (epilogueName !== undefined) addRowEpilogue(module, product, epilogueName)
    steps.push({ kind: 'product', kernel: product, epilogueName })
  }
  flush()
  return { bytes: module.build(), steps }
}

function pushAddresses(f: FunctionBuilder, table: Local, buffers: readonly BufferIndex[]): void {
  for (const buffer of buffers) f.localGet(table).i32Load(4 * buffer)
}

/** Adds `(table) → ()`, which calls the functions one after another. */
function addCalls(module: ModuleBuilder, calls: readonly Call[], exportName: string): void {
  module.addFunction(
    { parameters: ['i32'], results: [] },
    (f, [table]) => {
      for (const { target, buffers } of calls) {
        pushAddresses(f, table, buffers)
        f.call(target)
      }
    },
    exportName,
  )
}

function addRowEpilogue(module: ModuleBuilder, kernel: DotKernel, exportName: string): void {
  const epilogue = addDotEpilogue(module, kernel)
  module.addFunction(
    { parameters: ['i32', 'i32', 'i32', 'i32'], results: [] },
    (f, [table, batch, first, limit]) => {
      pushAddresses(f, table, dotEpilogueBuffers(kernel))
      f.localGet(batch).localGet(first).localGet(limit).call(epilogue)
    },
    exportName,
  )
}

/**
 * The product adds rows of unit stride only. An accumulator that is transposed, or repeated along the columns,
 * is first copied to where the product goes, and added from there.
 */
function withStorableAccumulator(kernel: DotKernel): { ready: MapKernel | undefined; kernel: DotKernel } {
  const { accumulator, batch, rows, columns, dtype, stores } = kernel
  if (accumulator === undefined || columns === 1 || accumulator.view.strides[2] === 1) {
    return { ready: undefined, kernel }
  }
  const { buffer, view } = stores[0]
  const ready: MapKernel = {
    kind: 'map',
    domain: [batch, rows, columns],
    nodes: [{ kind: 'load', ...accumulator, dtype }],
    stores: [{ node: 0, buffer, view }],
  }
  return { ready, kernel: { ...kernel, accumulator: { buffer, view } } }
}
