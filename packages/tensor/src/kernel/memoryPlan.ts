/**
 * Where buffers live. Scratch buffers whose lifetimes (first write to last read, in kernels) do not overlap
 * share pools: greedy in order of first write, best fit by size, growing the largest free pool when none is big
 * enough. Sizes are whole pools because a WebGPU dispatch may not bind parts of one buffer both for reading and
 * for writing.
 *
 * In place: a buffer may take over the place of one whose life ends in the kernel that first writes it, where
 * every element is read before it is written at the same place: every read is a load of a map kernel with
 * the view of the store, or the accumulator of a product with the view of its first store. Donated inputs are
 * taken over by outputs under the same rule.
 */
import { bytesPerElement } from '../dtype.ts'
import type { BufferIndex, BufferSpecification, Kernel, KernelProgram, MemoryPlan } from './kernel.ts'
import { readsOfKernel, writesOfKernel } from './kernelAccess.ts'
import { sameView } from './view.ts'

/** Kernels, by position, between which a buffer holds data; −1 where there is none. */
export interface Lifetime {
  readonly firstWrite: number
  readonly lastWrite: number
  readonly lastRead: number
}

export function lifetimes({ buffers, kernels }: KernelProgram): Lifetime[] {
  const found = buffers.map(() => ({ firstWrite: -1, lastWrite: -1, lastRead: -1 }))
  kernels.forEach((kernel, position) => {
    for (const { buffer } of readsOfKernel(kernel)) found[buffer].lastRead = position
    for (const { buffer } of writesOfKernel(kernel)) {
      if (found[buffer].firstWrite === -1) found[buffer].firstWrite = position
      found[buffer].lastWrite = position
    }
  })
  return found
}

const bytesOf = ({ dtype, elements }: BufferSpecification): number => bytesPerElement[dtype] * elements

/** True if `written` may have the place of `read`, whose last read is in this kernel. */
export function mayOverwrite(kernel: Kernel, written: BufferIndex, read: BufferIndex): boolean {
  if (kernel.kind !== 'map' && kernel.kind !== 'dot') return false
  const stores = kernel.stores.filter(({ buffer }) => buffer === written)
  if (stores.length !== 1) return false
  const [{ view }] = stores
  if (kernel.kind === 'map') {
    return kernel.nodes.every(
      (node) => node.kind !== 'load' || node.buffer !== read || sameView(node.view, view),
    )
  }
  const { accumulator } = kernel
  return (
    kernel.stores[0].buffer === written &&
    accumulator?.buffer === read &&
    sameView(accumulator.view, view) &&
    readsOfKernel(kernel).filter(({ buffer }) => buffer === read).length === 1
  )
}

/**
 * @param donate positions of program inputs whose buffers may be taken over by outputs of the same size.
 */
export function planMemory(program: KernelProgram, donate: readonly number[] = []): MemoryPlan {
  const alive = lifetimes(program)
  return { ...planPools(program, alive), donorOf: planDonation(program, alive, donate) }
}

function planPools(
  { buffers, kernels }: KernelProgram,
  alive: readonly Lifetime[],
): Pick<MemoryPlan, 'poolBytes' | 'poolOf'> {
  const poolOf = buffers.map(() => -1)
  const poolBytes: number[] = []
  const free = new Set<number>()
  const lastUse = ({ lastRead, lastWrite }: Lifetime): number => Math.max(lastRead, lastWrite)
  const dying = kernels.map((): BufferIndex[] => [])
  const born = kernels.map((): BufferIndex[] => [])
  buffers.forEach(({ role }, buffer) => {
    const life = alive[buffer]
    if (role !== 'scratch' || life.firstWrite === -1) return
    born[life.firstWrite].push(buffer)
    dying[lastUse(life)].push(buffer)
  })

  const takeOver = (
    kernel: Kernel,
    position: number,
    buffer: BufferIndex,
    taken: Set<BufferIndex>,
  ): number => {
    const bytes = bytesOf(buffers[buffer])
    const donor = dying[position].find(
      (other) =>
        other !== buffer &&
        !taken.has(other) &&
        alive[other].firstWrite < position &&
        alive[other].lastRead === position &&
        bytesPerElement[buffers[other].dtype] === bytesPerElement[buffers[buffer].dtype] &&
        poolBytes[poolOf[other]] >= bytes &&
        mayOverwrite(kernel, buffer, other),
    )
    if (donor === undefined) return -1
    taken.add(donor)
    return poolOf[donor]
  }
  const allocate = (bytes: number): number => {
    const bySize = [...free].sort((a, b) => poolBytes[a] - poolBytes[b] || a - b)
    const pool = bySize.find((candidate) => poolBytes[candidate] >= bytes) ?? bySize.at(-1)
    if (pool === undefined) return poolBytes.push(bytes) - 1
    free.delete(pool)
    poolBytes[pool] = Math.max(poolBytes[pool], bytes)
    return pool
  }

  kernels.forEach((kernel, position) => {
    const taken = new Set<BufferIndex>()
    for (const buffer of born[position]) {
      const place = takeOver(kernel, position, buffer, taken)
      poolOf[buffer] = place === -1 ? allocate(bytesOf(buffers[buffer])) : place
    }
    for (const buffer of dying[position]) if (!taken.has(buffer)) free.add(poolOf[buffer])
  })
  return { poolBytes, poolOf }
}

function planDonation(
  { buffers, kernels, inputs, outputs }: KernelProgram,
  alive: readonly Lifetime[],
  donate: readonly number[],
): number[] {
  const available = new Set(donate)
  const fits = (output: BufferIndex, input: BufferIndex): boolean => {
    const { firstWrite } = alive[output]
    const { lastRead } = alive[input]
    const sameSize =
      buffers[output].elements === buffers[input].elements &&
      bytesPerElement[buffers[output].dtype] === bytesPerElement[buffers[input].dtype]
    if (!sameSize || firstWrite === -1) return false
    return (
      lastRead < firstWrite || (lastRead === firstWrite && mayOverwrite(kernels[firstWrite], output, input))
    )
  }
  return outputs.map((output) => {
    const donor = [...available].find((position) => fits(output, inputs[position]))
    if (donor === undefined) return -1
    available.delete(donor)
    return donor
  })
}
