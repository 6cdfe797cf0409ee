/**
 * One WebAssembly module per program. Every kernel is a few functions in it, and one function runs them all:
 *   run(table, thread, threads) → ()
 * so that a replay is one call per thread, without an object and without JavaScript in between. Threads take turns at parts
 * of every stage, and meet at a barrier only where a stage touches what another thread may still be writing or reading.
 */
import type { BufferIndex, KernelProgram, MemoryPlan } from '../kernel/kernel.ts'
import { readsOfKernel, writesOfKernel } from '../kernel/kernelAccess.ts'
import type { AddressTable } from './addressTable.ts'
import { createAddressTable } from './addressTable.ts'
import type { FunctionBuilder, FunctionIndex, Local } from './assembler/functionBuilder.ts'
import { createModuleBuilder } from './assembler/moduleBuilder.ts'
import { kernelStages } from './kernelStages.ts'
import type { MemoryImport } from './matrix/matrixModule.ts'
import { importMatrixFunctions, importMemory } from './matrix/matrixModule.ts'
import type { MicroKernel } from './matrix/matrixMicroKernel.ts'
import { BackendError } from '../errors.ts'
import { meetings } from './meetings.ts'
import type { StageContext } from './stage.ts'
import { createSharing } from './stageSharing.ts'
import { addBarrier } from './threads/barrier.ts'

export interface ProgramModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly table: AddressTable
}

/** What the module is made for. */
export interface ModuleTarget {
  readonly memory: Omit<MemoryImport, 'memory'>
  /** Called where the program has a matrix product. */
  readonly microKernel: () => MicroKernel
  /** Whether the panels of a buffer may be kept from run to run. */
  readonly mayKeepPanels: (buffer: BufferIndex) => boolean
}

/** Emits the module of a program. @throws {DtypeError} for float64. */
export function programModule(
  { kernels, buffers, inputs, outputs }: KernelProgram,
  plan: MemoryPlan,
  { memory, microKernel, mayKeepPanels }: ModuleTarget,
): ProgramModule {
  const module = createModuleBuilder()
  importMemory(module, memory)
  const matrix = kernels.some(({ kind }) => kind === 'dot')
    ? importMatrixFunctions(module, microKernel())
    : undefined
  const barrier = memory.shared === true ? addBarrier(module) : undefined
  const table = createAddressTable(buffers.length, mayKeepPanels)
  const context: StageContext = {
    module,
    buffers,
    get matrix() {
      if (matrix !== undefined) return matrix
      throw new BackendError({ operation: 'compile', rule: 'only products may use the matrix functions' })
    },
    wordOf: table.wordOf,
    sharedScratch: table.sharedScratch,
    ownScratch: table.ownScratch,
    panels: table.panels,
  }
  const staged = kernels.map((kernel) => {
    table.beginKernel()
    return { kernel, stages: kernelStages(context, kernel) }
  })
  const counters = staged.map(({ stages }) =>
    stages.map(({ units }) => (barrier !== undefined && units > 1 ? table.counter() : undefined)),
  )
  const layout = table.finish()
  const storageOf = (buffer: BufferIndex): string => {
    if (plan.poolOf[buffer] >= 0) return `pool ${plan.poolOf[buffer]}`
    const donor = plan.donorOf[outputs.indexOf(buffer)] ?? -1
    return `buffer ${donor >= 0 ? inputs[donor] : buffer}`
  }
  const meets = meetings(
    staged.map(({ kernel, stages }) => ({
      stages,
      reads: readsOfKernel(kernel).map(({ buffer }) => storageOf(buffer)),
      writes: [
        ...writesOfKernel(kernel).map(({ buffer }) => storageOf(buffer)),
        // What one stage leaves to another lies in scratch memory.
        ...(stages.length > 1 ? ['scratch'] : []),
      ],
    })),
  )
  module.addFunction(
    { parameters: ['i32', 'i32', 'i32'], results: [] },
    (f, [tableAddress, thread, threads]) => {
      const own = f.local('i32')
      const share = createSharing(f, { table: tableAddress, thread, threads, own })
      f.localGet(tableAddress).i32Load(4 * layout.ownWord)
      f.localGet(thread).i32Const(layout.ownBytes).i32Mul().i32Add().localSet(own)
      staged.forEach(({ stages }, i) => {
        stages.forEach((stage, j) => {
          if (barrier !== undefined && meets[i][j]) emitBarrier(f, barrier, threads)
          share(stage, counters[i][j])
        })
      })
      if (barrier !== undefined) emitBarrier(f, barrier, threads)
    },
    'run',
  )
  return { bytes: module.build(), table: layout }
}

function emitBarrier(f: FunctionBuilder, barrier: FunctionIndex, threads: Local): void {
  f.localGet(threads).i32Const(1).i32GtS()
  f.ifElse(() => {
    f.localGet(threads).call(barrier)
  })
}
