/**
 * Single kernels for tests of generators, and the plain loops that say what they mean: an index runs over a domain, and a
 * view names the element
 *   offset + Σ_a strides[a] · index[a].
 */
import type {
  BufferSpecification,
  Kernel,
  KernelProgram,
  Shape,
  TypedArray,
  View,
} from '@hessian-free/tensor'
import { readsOfKernel, typedArray, writesOfKernel } from '@hessian-free/tensor'

/** Calls `visit` with every index of the domain in row-major order. */
export function forEachIndex(
  domain: Shape,
  visit: (index: readonly number[], position: number) => void,
): void {
  const size = domain.reduce((product, extent) => product * extent, 1)
  for (let position = 0; position < size; position++) {
    let rest = position
    const index = domain.map(() => 0)
    for (let axis = domain.length - 1; axis >= 0; axis--) {
      index[axis] = rest % domain[axis]
      rest = Math.floor(rest / domain[axis])
    }
    visit(index, position)
  }
}

export const elementAt = ({ offset, strides }: View, index: readonly number[]): number =>
  strides.reduce((sum, stride, axis) => sum + stride * index[axis], offset)

/** A program of one kernel: what it writes are the outputs, what it reads else are the inputs, in order of buffers. */
export function singleKernelProgram(
  kernel: Kernel,
  buffers: readonly Pick<BufferSpecification, 'dtype' | 'elements'>[],
): KernelProgram {
  const written = new Set(writesOfKernel(kernel).map(({ buffer }) => buffer))
  const read = new Set(readsOfKernel(kernel).map(({ buffer }) => buffer))
  const numbers = buffers.map((_, buffer) => buffer)
  return {
    name: 'single',
    buffers: buffers.map((buffer, i) => ({ ...buffer, role: written.has(i) ? 'output' : 'input' })),
    inputs: numbers.filter((buffer) => read.has(buffer)),
    outputs: numbers.filter((buffer) => written.has(buffer)),
    kernels: [kernel],
  }
}

/** Small numbers that sums of a few dozen hold exactly, in every dtype; booleans alternate irregularly. */
export function exactValues(dtype: BufferSpecification['dtype'], elements: number, seed = 1): TypedArray {
  const values = typedArray(dtype, elements)
  let state = seed
  for (let i = 0; i < elements; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const number = state >>> 24
    values[i] =
      dtype === 'bool'
        ? number & 1
        : dtype === 'uint32'
          ? number
          : dtype === 'int32'
            ? number - 128
            : (number - 128) / 8
  }
  return values
}
