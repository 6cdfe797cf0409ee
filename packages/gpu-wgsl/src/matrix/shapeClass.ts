/**
 * Names the class of a product within which one measured choice serves: dtype, how each operand is read (vectors along
 * its outer axis or along the depth, or elements with a contiguous axis or none), and extents rounded to powers of two.
 */
import type { DotKernel } from '@hessian-free/tensor'
import type { ProductOperand } from './productOperand.ts'
import { leftOperand, rightOperand } from './productOperand.ts'

function readingOf({ quads, outerStride, depthStride, batchStride }: ProductOperand, batch: number): string {
  const axis =
    quads === 'none' ? (outerStride === 1 ? 'outer1' : depthStride === 1 ? 'depth1' : 'strided') : `${quads}4`
  // One matrix for the whole batch stays in the cache.
  return batch > 1 && batchStride === 0 ? `${axis}s` : axis
}

/** The nearest power of two, in the logarithm. */
const rounded = (extent: number): number => 2 ** Math.round(Math.log2(extent))

/** `float32 depth4·outer4 [1, 512, 1024; 1024] plain`: equal for products that should share a variant. */
export function shapeClass(kernel: DotKernel): string {
  const { batch, rows, columns, depth, dtype, accumulator, epilogue } = kernel
  const left = readingOf(leftOperand(kernel), batch)
  const right = readingOf(rightOperand(kernel), batch)
  const extents = `[${rounded(batch)}, ${rounded(rows)}, ${rounded(columns)}; ${rounded(depth)}]`
  const output = accumulator === undefined && epilogue.length === 1 ? 'plain' : 'epilogue'
  return `${dtype} ${left}·${right} ${extents} ${output}`
}
