/**
 * Threads that fail must not leave the others waiting: the caller gets an error that names the program, and the backend
 * goes on with one thread.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { BackendError } from '../../errors.ts'
import type { KernelProgram } from '../../kernel/kernel.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import { importMemory } from '../matrix/matrixModule.ts'
import { microKernelCandidates } from '../matrix/matrixProbe.ts'
import { WasmAllocator } from '../wasmAllocator.ts'
import { addBarrier } from './barrier.ts'
import { createProgramRunner } from './programRunner.ts'

const allocator = new WasmAllocator(1 << 20, true)
const program: KernelProgram = { name: 'unlucky', buffers: [], inputs: [], outputs: [], kernels: [] }

/** A program that writes 1 + thread at the table's word, and traps in one thread before the barrier. */
function moduleThatTrapsIn(unlucky: number): WebAssembly.Module {
  const module = createModuleBuilder()
  importMemory(module, allocator)
  const barrier = addBarrier(module)
  module.addFunction(
    { parameters: ['i32', 'i32', 'i32'], results: [] },
    (f, [table, thread, threads]) => {
      f.localGet(thread).i32Const(unlucky).i32Eq().localGet(threads).i32Const(1).i32GtS().i32And()
      f.ifElse(() => {
        f.unreachable()
      })
      f.localGet(table).localGet(thread).i32Const(2).i32Shl().i32Add()
      f.localGet(thread).i32Const(1).i32Add().i32Store()
      f.localGet(threads).i32Const(1).i32GtS()
      f.ifElse(() => {
        f.localGet(threads).call(barrier)
      })
    },
    'run',
  )
  return new WebAssembly.Module(module.build())
}

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
afterEach(() => {
  new Int32Array(allocator.memory.buffer).fill(0)
  for (const runner of runners.splice(0)) runner.dispose()
  new Int32Array(allocator.memory.buffer).fill(0)
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
})
