/**
 * Which programs are given to several threads. Heuristic: those that would take one thread longer than it takes to wake
 * the others and to meet them, estimated from arithmetic at 20 GFLOP/s and memory traffic at 8 GB/s. The estimate decides
 * who computes, never what is computed.
 */
import type { Kernel, KernelProgram } from '../../kernel/kernel.ts'
import { productFlops } from '../../kernel/kernelCost.ts'
import { readsOfKernel, writesOfKernel } from '../../kernel/kernelAccess.ts'
import { sizeOf } from '../../shape.ts'

const flopsPerMicrosecond = 20_000
const elementsPerMicrosecond = 2_000

/** Microseconds of one thread. */
const worthwhile = 100

function microseconds(kernel: Kernel): number {
  if (kernel.kind === 'dot') return productFlops(kernel) / flopsPerMicrosecond
  const elements = [...readsOfKernel(kernel), ...writesOfKernel(kernel)].reduce(
    (sum, { domain }) => sum + sizeOf(domain),
    0,
  )
  return elements / elementsPerMicrosecond
}

/** Whether a program takes long enough. */
export const isWorthThreads = ({ kernels }: KernelProgram): boolean =>
  kernels.reduce((sum, kernel) => sum + microseconds(kernel), 0) > worthwhile
