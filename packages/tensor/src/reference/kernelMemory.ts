/**
 * Memory of one run of a kernel program, laid out by its memory plan to the letter: scratch buffers of one pool
 * are views of the same bytes, and an output that takes over a donated input is a view of that input's bytes.
 *
 * Memory that holds nothing is filled with ones (NaN as a float, −1 as an integer): before the first write,
 * and again once the last kernel that touches a buffer has run. A plan that lets a buffer die too early, or a
 * kernel that reads what nobody wrote, thereby shows as NaN in the results.
 */
import type { Dtype, TypedArray } from '../dtype.ts'
import { bytesPerElement, typedArray } from '../dtype.ts'
import type { BufferIndex, KernelProgram, MemoryPlan } from '../kernel/kernel.ts'
import { readsOfKernel, writesOfKernel } from '../kernel/kernelAccess.ts'

const poison = 0xff

export interface KernelMemory {
  /** The elements of each buffer; empty for scratch that no kernel touches. */
  readonly arrays: readonly TypedArray[]
  /** Poisons the pools whose contents no later kernel reads, once kernel number `position` has run. */
  readonly kernelDone: (position: number) => void
}

function arrayOver(bytes: ArrayBufferLike, offset: number, dtype: Dtype, elements: number): TypedArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes as ArrayBuffer, offset, elements)
    case 'float64':
      return new Float64Array(bytes as ArrayBuffer, offset, elements)
    case 'int32':
      return new Int32Array(bytes as ArrayBuffer, offset, elements)
    case 'uint32':
    case 'bool':
      return new Uint32Array(bytes as ArrayBuffer, offset, elements)
  }
}

const poisoned = (dtype: Dtype, elements: number): TypedArray => {
  const array = typedArray(dtype, elements)
  new Uint8Array(array.buffer).fill(poison)
  return array
}

export function layOut(
  program: KernelProgram,
  plan: MemoryPlan,
  inputs: readonly TypedArray[],
): KernelMemory {
  const { buffers } = program
  const pools = plan.poolBytes.map((bytes) => new Uint8Array(Math.ceil(bytes / 8) * 8).fill(poison))
  const arrays = buffers.map(({ dtype, elements, role }, buffer): TypedArray => {
    if (role === 'input') return inputs[program.inputs.indexOf(buffer)]
    const pool = plan.poolOf[buffer]
    if (role === 'scratch') {
      return pool === -1 ? typedArray(dtype, 0) : arrayOver(pools[pool].buffer, 0, dtype, elements)
    }
    const donor = plan.donorOf[program.outputs.indexOf(buffer)]
    if (donor === -1) return poisoned(dtype, elements)
    const { buffer: bytes, byteOffset, byteLength } = inputs[donor]
    return arrayOver(bytes, byteOffset, dtype, byteLength / bytesPerElement[dtype])
  })
  return { arrays, kernelDone: poisoner(program, plan, pools) }
}

function poisoner({ kernels }: KernelProgram, { poolOf }: MemoryPlan, pools: readonly Uint8Array[]) {
  const lastAccess = new Map<BufferIndex, number>()
  const written = kernels.map((kernel) => writesOfKernel(kernel).map(({ buffer }) => buffer))
  kernels.forEach((kernel, position) => {
    for (const { buffer } of readsOfKernel(kernel)) lastAccess.set(buffer, position)
    for (const buffer of written[position]) lastAccess.set(buffer, position)
  })
  const holder = new Map<number, BufferIndex>()
  return (position: number): void => {
    for (const buffer of written[position]) if (poolOf[buffer] !== -1) holder.set(poolOf[buffer], buffer)
    for (const [pool, buffer] of holder) if (lastAccess.get(buffer) === position) pools[pool].fill(poison)
  }
}
