/**
 * Threads that fail must not leave the others waiting: the caller gets an error that names the program, and the backend
 * goes on with one thread.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BackendError } from '../../errors.ts'
import type { KernelProgram } from '../../kernel/kernel.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import { importMemory } from '../matrix/matrixModule.ts'
import { microKernelCandidates } from '../matrix/matrixProbe.ts'
import { WasmAllocator } from '../wasmAllocator.ts'
import { addBarrier } from './barrier.ts'
import { createProgramRunner } from './programRunner.ts'

const newMemory = () => new WasmAllocator(1 << 20, true)
let allocator = newMemory()
const program: KernelProgram = { name: 'unlucky', buffers: [], inputs: [], outputs: [], kernels: [] }

/** Adds a loop that takes some tenths of a second. */
function dawdle(f: FunctionBuilder): void {
  const left = f.local('i32')
  f.i32Const(50_000_000).localSet(left)
  f.loop((again) => {
    f.i32Const(0).i32AtomicLoad().drop()
    f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(again)
  })
}

interface Locals {
  readonly table: Local
  readonly thread: Local
  readonly threads: Local
}

/** A program of shares with a barrier after each, which thread `absent` passes by. */
function moduleOf(
  shares: readonly ((f: FunctionBuilder, locals: Locals) => void)[],
  { patience, absent = -1 }: { readonly patience?: number; readonly absent?: number } = {},
): WebAssembly.Module {
  const module = createModuleBuilder()
  importMemory(module, allocator)
  const barrier = addBarrier(module, patience)
  module.addFunction(
    { parameters: ['i32', 'i32', 'i32'], results: [] },
    (f, [table, thread, threads]) => {
      for (const share of shares) {
        share(f, { table, thread, threads })
        f.localGet(threads).i32Const(1).i32GtS().localGet(thread).i32Const(absent).i32Ne().i32And()
        f.ifElse(() => {
          f.localGet(threads).call(barrier)
        })
      }
    },
    'run',
  )
  return new WebAssembly.Module(module.build())
}

/** Emits what writes 1 + thread at the table's word of the thread. */
function sign(f: FunctionBuilder, { table, thread }: { table: Local; thread: Local }): void {
  f.localGet(table).localGet(thread).i32Const(2).i32Shl().i32Add()
  f.localGet(thread).i32Const(1).i32Add().i32Store()
}

/** A program that writes 1 + thread at the table's word, and traps in one thread before the barrier. */
const moduleThatTrapsIn = (unlucky: number): WebAssembly.Module =>
  moduleOf([
    (f, locals) => {
      f.localGet(locals.thread).i32Const(unlucky).i32Eq()
      f.localGet(locals.threads).i32Const(1).i32GtS().i32And()
      f.ifElse(() => {
        f.unreachable()
      })
      sign(f, locals)
    },
  ])

const runners: { dispose(): void }[] = []
const newRunner = (threads: number) => {
  const runner = createProgramRunner(allocator, {
    threads,
    microKernel: () => microKernelCandidates('separate')[0],
    policy: { isWorthThreads: () => true, waits: true },
  })
  runners.push(runner)
  return runner
}
beforeEach(() => {
  // A team that failed leaves its control block behind.
  allocator = newMemory()
})
afterEach(() => {
  for (const runner of runners.splice(0)) runner.dispose()
})

const table = 8192
const words = () => [...new Int32Array(allocator.memory.buffer, table, 3)]

describe('a team', () => {
  it('runs the shares of all threads', () => {
    newRunner(3).prepare(moduleThatTrapsIn(99), program)(table)
    expect(words()).toEqual([1, 2, 3])
  })

  it.each([0, 1, 2])('does not hang when thread %d traps; the backend goes on alone', (unlucky) => {
    const runner = newRunner(3)
    const run = runner.prepare(moduleThatTrapsIn(unlucky), program)
    expect(() => run(table)).toThrow(BackendError)
    expect(runner.failure).toBeDefined()
    new Int32Array(allocator.memory.buffer, table, 3).fill(0)
    run(table)
    expect(words()).toEqual([1, 0, 0])
  })

  it('names the program and what to do', () => {
    const run = newRunner(2).prepare(moduleThatTrapsIn(1), program)
    expect(() => run(table)).toThrow(/run unlucky.*one thread; run again/s)
  })

  it('is given up only when no worker writes to the memory any more', () => {
    const run = newRunner(3).prepare(
      moduleOf([
        (f, locals) => {
          // Thread 2 traps once thread 1 is at work.
          f.localGet(locals.thread).i32Const(2).i32Eq()
          f.ifElse(() => {
            f.loop((again) => {
              f.localGet(locals.table).i32AtomicLoad(12).i32Eqz().brIf(again)
            })
            f.unreachable()
          })
          f.localGet(locals.thread).i32Const(1).i32Eq()
          f.ifElse(() => {
            f.localGet(locals.table).i32Const(1).i32AtomicStore(12)
            dawdle(f)
          })
          sign(f, locals)
        },
      ]),
      program,
    )
    expect(() => run(table)).toThrow(BackendError)
    expect(words()).toEqual([1, 2, 0])
  })

  it('is given up when a thread never comes to the barrier', () => {
    const absent = moduleOf([sign], { patience: 2, absent: 1 })
    expect(() => newRunner(2).prepare(absent, program)(table)).toThrow(/every thread must finish/)
  })

  it.each([0, 1])('waits at a barrier for thread %d however long it takes', (slow) => {
    const run = newRunner(2).prepare(
      moduleOf([
        (f, locals) => {
          f.localGet(locals.thread).i32Const(slow).i32Eq()
          f.ifElse(() => {
            dawdle(f)
            f.localGet(locals.table).i32Const(7).i32Store()
          })
        },
        (f, { table: words, thread }) => {
          f.localGet(words).localGet(thread).i32Const(2).i32Shl().i32Add()
          f.localGet(words).i32Load().i32Store(4)
        },
      ]),
      program,
    )
    // More than once: the first turn is numbered 0, as is memory that nobody has written.
    for (let turns = 0; turns < 3; turns++) {
      new Int32Array(allocator.memory.buffer, table, 3).fill(0)
      run(table)
      expect(words()).toEqual([7, 7, 7])
    }
  })
})
