/**
 * The order in which a kernel's function takes the addresses of its buffers.
 */
import { ProgramError } from '../errors.ts'
import type { BufferIndex, DotKernel, Kernel } from '../kernel/kernel.ts'
import { readsOfKernel, writesOfKernel } from '../kernel/kernelAccess.ts'
import type { FunctionBuilder, Local } from './assembler/functionBuilder.ts'
import type { Stage, StageContext, TableWord } from './stage.ts'
import { stageParameters, stageSignature } from './stage.ts'

const distinct = (buffers: readonly BufferIndex[]): BufferIndex[] => [...new Set(buffers)]

/** Every buffer that the kernel touches, once: first those it reads, in order of their first use. */
export const kernelBuffers = (kernel: Kernel): BufferIndex[] =>
  distinct([...readsOfKernel(kernel), ...writesOfKernel(kernel)].map(({ buffer }) => buffer))

/** The buffers of a product's epilogue. */
export const dotEpilogueBuffers = ({ epilogue, stores }: DotKernel): BufferIndex[] =>
  distinct([
    ...epilogue.flatMap((node) => (node.kind === 'load' ? [node.buffer] : [])),
    ...stores.map(({ buffer }) => buffer),
  ])

/** Of a thread: the units that it does, and scratch memory of its own. */
export interface ThreadShare {
  readonly own: Local
  readonly first: Local
  readonly limit: Local
}

type KernelBody = (
  f: FunctionBuilder,
  pointerOf: (buffer: BufferIndex) => Local,
  share: ThreadShare,
  more: readonly Local[],
) => void

/** A stage of `units` units: a function of the addresses of `kernelBuffers(kernel)` and of further words. */
export function kernelStage(
  context: StageContext,
  kernel: Kernel,
  units: number,
  body: KernelBody,
  more: readonly TableWord[] = [],
): Stage {
  const buffers = kernelBuffers(kernel)
  const words = [...buffers.map((buffer) => context.wordOf(buffer)), ...more]
  const target = context.module.addFunction(stageSignature(words.length), (f, parameters) => {
    const { words: locals, own, first, limit } = stageParameters(parameters)
    body(f, pointersOf(buffers, locals), { own, first, limit }, locals.slice(buffers.length))
  })
  return { target, words, units, waits: false }
}

/** Carries a buffer to the parameter that holds its address. */
export const pointersOf =
  (buffers: readonly BufferIndex[], parameters: readonly Local[]) =>
  (buffer: BufferIndex): Local => {
    const position = buffers.indexOf(buffer)
    if (position >= 0) return parameters[position]
    throw new ProgramError({
      operation: 'wasm kernel',
      rule: 'a kernel must only touch the buffers it lists',
      found: `buffer ${buffer} beside ${buffers.join(', ')}`,
    })
  }
