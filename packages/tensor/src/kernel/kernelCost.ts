/**
 * What a kernel program does per run: matrix products and their floating point operations, 2·batch·m·n·k each.
 * Tests assert these instead of clocks.
 */
import type { ExecutableSummary } from '../backend.ts'
import type { DotKernel, KernelProgram, MemoryPlan } from './kernel.ts'
import { printKernel } from './kernelPrinter.ts'

export function matrixProducts({ kernels }: KernelProgram): number {
  return kernels.filter(({ kind }) => kind === 'dot').length
}

/** Floating point operations of one product. */
export const productFlops = ({ batch, rows, columns, depth }: DotKernel): number =>
  2 * batch * rows * columns * depth

export function matrixProductFlops({ kernels }: KernelProgram): number {
  return kernels.reduce((sum, kernel) => (kernel.kind === 'dot' ? sum + productFlops(kernel) : sum), 0)
}

/** The summary every backend's executable shows. */
export const summarize = (program: KernelProgram, plan: MemoryPlan): ExecutableSummary => ({
  kernels: program.kernels.map(printKernel),
  matrixProducts: matrixProducts(program),
  matrixProductFlops: matrixProductFlops(program),
  scratchBytes: plan.poolBytes.reduce((sum, bytes) => sum + bytes, 0),
})
