/**
 * Program → kernel program, shared by every backend: decompose into steps, group steps into kernels, drop what
 * nothing reads, number the buffers.
 *
 * Guarantees beyond the types of `kernel.ts`: domains are canonical (see `domain.ts`), so the last axis is
 * contiguous for the first store wherever an axis is; no kernel reads a buffer that it writes (a memory plan
 * may still put both into one place); empty kernels do not occur; every scratch buffer is written before it is
 * read. The stride of an axis of extent 1 is 0.
 */
import type { Program } from '../program/program.ts'
import { sizeOf } from '../shape.ts'
import { inlineCalls } from '../passes/inlineCalls.ts'
import { decompose } from './decompose.ts'
import type { Expression, Storage } from './expression.ts'
import { leavesOf, readsOf } from './expression.ts'
import type { Group, GroupOutput } from './groupSteps.ts'
import { groupSteps } from './groupSteps.ts'
import type { LiveGroup } from './groupKernel.ts'
import { dotOutputs, groupKernel, rawOutput } from './groupKernel.ts'
import type { BufferIndex, BufferSpecification, KernelProgram } from './kernel.ts'
import { fuseProductPrologues } from './productPrologues.ts'
import { operandsOf } from './step.ts'

/** What a backend can choose. */
export interface LowerOptions {
  /**
   * Operands of products may be prologues (`PrologueOperand`): for a backend that packs operands and can compute while
   * it does. Kernels may then bind more than the eight buffers that WebGPU guarantees. Default false: every operand
   * is stored.
   */
  readonly productPrologues?: boolean
}

/** @throws {ProgramError} never for a program that `checkProgram` accepts. */
export function lower(program: Program, { productPrologues = false }: LowerOptions = {}): KernelProgram {
  const { inputs, outputs, steps } = decompose(inlineCalls(program))
  const grouped = liveGroups(groupSteps(steps), outputs)
  const live = productPrologues ? fuseProductPrologues(grouped, outputs) : grouped
  const buffers: BufferSpecification[] = []
  const numbers = new Map<Storage, BufferIndex>()
  const declare = (storage: Storage, role: BufferSpecification['role']): void => {
    if (numbers.has(storage)) return
    numbers.set(storage, buffers.length)
    buffers.push({ dtype: storage.dtype, elements: sizeOf(storage.shape), role })
  }
  const bufferOf = (storage: Storage): BufferIndex => numbers.get(storage) as BufferIndex
  for (const storage of inputs) declare(storage, 'input')
  for (const storage of outputs) declare(storage, 'output')
  for (const { outputs: stored } of live) for (const { target } of stored) declare(target.storage, 'scratch')
  return {
    name: program.name,
    buffers,
    inputs: inputs.map(bufferOf),
    outputs: outputs.map(bufferOf),
    kernels: live.map((group) => groupKernel(group, bufferOf)),
  }
}

/** Backwards from the outputs: the groups and stores that something reads. */
function liveGroups(groups: readonly Group[], outputs: readonly Storage[]): LiveGroup[] {
  const needed = new Set<Storage>(outputs)
  const live: LiveGroup[] = []
  for (const group of [...groups].reverse()) {
    const stored = storedOutputs(group, needed)
    if (stored.length === 0) continue
    live.push({ group, outputs: stored })
    for (const storage of storagesRead(group, stored)) needed.add(storage)
  }
  return live.reverse()
}

function storedOutputs(group: Group, needed: ReadonlySet<Storage>): GroupOutput[] {
  const { root } = group
  const stored = group.outputs.filter(({ target }) => needed.has(target.storage))
  if (root !== undefined && needed.has(root.result)) stored.unshift(rawOutput(group, root.result))
  return root?.kind === 'dot' && stored.length > 0 ? dotOutputs(group, root, stored) : stored
}

/** Storages that a group reads from memory to compute the given outputs. */
function storagesRead({ root, internal }: Group, outputs: readonly GroupOutput[]): Set<Storage> {
  const reads = new Set<Storage>()
  const seen = new Set<Expression>()
  const visit = (expression: Expression): void => {
    if (seen.has(expression)) return
    seen.add(expression)
    for (const { storage } of leavesOf([expression])) {
      if (!internal.has(storage)) reads.add(storage)
      const own = internal.get(storage)
      if (own !== undefined) visit(own)
    }
  }
  for (const { expression } of outputs) visit(expression)
  if (root !== undefined) {
    for (const { storage } of operandsOf(root)) reads.add(storage)
    if (root.kind === 'reduce') for (const storage of readsOf(root.operand)) reads.add(storage)
  }
  return reads
}
