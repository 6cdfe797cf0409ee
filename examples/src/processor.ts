/**
 * The processor as `hf devices` shows it: how many cores the process may use, how many threads the wasm backend would
 * take, and why one if one.
 */
import { availableParallelism, cpus } from 'node:os'
import { createWasmBackend, isWasmSupported, physicalCores } from '@hessian-free/tensor'
import type { ThreadUse } from '@hessian-free/tensor'
import { describeThreads } from './describeBackend.ts'

export interface ProcessorDescription {
  /** In the words of its maker. */
  readonly name: string
  /** Logical processors that this process may use. */
  readonly processors: number
  /** Physical cores that they are. */
  readonly cores: number
  /** What the wasm backend does by default; absent where the engine has no WebAssembly with SIMD. */
  readonly wasm?: ThreadUse
}

export function describeProcessor(): ProcessorDescription {
  const machine = {
    name: cpus()[0]?.model.trim() ?? 'of unknown make',
    processors: availableParallelism(),
    cores: physicalCores(),
  }
  if (!isWasmSupported()) return machine
  const backend = createWasmBackend()
  const { threads, reason } = backend.threadUse
  backend.dispose()
  return { ...machine, wasm: reason === undefined ? { threads } : { threads, reason } }
}

/** Two lines. */
export const formatProcessor = (processor: ProcessorDescription): string =>
  [
    `Processor: ${processor.name}, ${count(processor.cores, 'physical core')}, ${count(processor.processors, 'logical processor')} for this process`,
    `  the wasm backend computes on ${wasmThreads(processor)}`,
  ].join('\n')

const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? '' : 's'}`

function wasmThreads({ wasm, cores }: ProcessorDescription): string {
  if (wasm === undefined) return 'nothing: this engine has no WebAssembly with SIMD'
  const number = describeThreads(wasm)
  if (wasm.reason !== undefined) return `${number}: ${wasm.reason}`
  if (wasm.threads < cores) return `${number}, the most it takes`
  return wasm.threads === 1 ? `${number}: there is no second core` : `${number}, one for each core`
}
