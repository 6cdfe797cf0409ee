/**
 * One WebAssembly module per program. Every kernel is a few functions in it, and one function runs them all:
 *   run(table, thread, threads) → ()
 * so that a replay is one call per thread, without an object and without JavaScript in between. Threads take
 * turns at the units of every stage; threads meet at a barrier only where a stage touches what another thread may still be writing or
 * reading.
 */
import type { BufferIndex, Kernel, KernelProgram, MemoryPlan } from '../kernel/kernel.ts'
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
import type { Stage, StageContext } from './stage.ts'
import { createSharing } from './stageSharing.ts'
import { addBarrier } from './threads/barrier.ts'

export interface ProgramModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly table: AddressTable
  /** Barriers in a run. */
  readonly barriers: number
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
  const meets = meetings(staged, storageOf)
  let barriers = 0
  module.addFunction(
    { parameters: ['i32', 'i32', 'i32'], results: [] },
    (f, [tableAddress, thread, threads]) => {
      const own = f.local('i32')
      const share = createSharing(f, { table: tableAddress, thread, threads, own })
      f.localGet(tableAddress).i32Load(4 * layout.ownWord)
      f.localGet(thread).i32Const(layout.ownBytes).i32Mul().i32Add().localSet(own)
      staged.forEach(({ stages }, i) => {
        stages.forEach((stage, j) => {
          if (barrier !== undefined && meets[i][j]) {
            barriers++
            emitBarrier(f, barrier, threads)
          }
          share(stage, counters[i][j])
        })
      })
      if (barrier !== undefined) emitBarrier(f, barrier, threads)
    },
    'run',
  )
  return { bytes: module.build(), table: layout, barriers }
}

function emitBarrier(f: FunctionBuilder, barrier: FunctionIndex, threads: Local): void {
  f.localGet(threads).i32Const(1).i32GtS()
  f.ifElse(() => {
    f.localGet(threads).call(barrier)
  })
}

const scratch = 'scratch'

interface StagedKernel {
  readonly kernel: Kernel
  readonly stages: readonly Stage[]
}

/**
 * Whether threads must meet before each stage: where it reads what was written since they last met, or writes what was
 * read or written. Scratch memory counts as written by every kernel of several stages. Where only thread 0 has worked
 * since and works now, order is kept without a meeting.
 */
function meetings(staged: readonly StagedKernel[], storageOf: (buffer: BufferIndex) => string): boolean[][] {
  let read = new Set<string>()
  let written = new Set<string>()
  let alone = true
  return staged.map(({ kernel, stages }) => {
    const reads = readsOfKernel(kernel).map(({ buffer }) => storageOf(buffer))
    const writes = writesOfKernel(kernel).map(({ buffer }) => storageOf(buffer))
    if (stages.length > 1) writes.push(scratch)
    return stages.map((stage, j) => {
      const conflicts =
        j === 0
          ? reads.some((each) => written.has(each)) ||
            writes.some((each) => read.has(each) || written.has(each))
          : stage.waits
      const single = stage.units === 1
      const meet = conflicts && !(alone && single)
      if (meet) {
        read = new Set()
        written = new Set()
        alone = true
      }
      alone &&= single
      reads.forEach((each) => read.add(each))
      writes.forEach((each) => written.add(each))
      return meet
    })
  })
}
