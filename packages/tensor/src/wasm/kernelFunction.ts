/**
 * Kernels other than products as WebAssembly functions, one each, specialised to their shapes. The function takes
 * the byte addresses of `kernelBuffers(kernel)`, in that order.
 */
import type { DotKernel, Kernel } from '../kernel/kernel.ts'
import type { FunctionIndex } from './assembler/functionBuilder.ts'
import type { ModuleBuilder } from './assembler/moduleBuilder.ts'
import { addGatherKernel, addScatterAddKernel } from './indexedKernel.ts'
import { addMapKernel } from './loops/loopKernel.ts'
import { addRandomBitsKernel } from './randomBitsKernel.ts'
import { addReduceKernel } from './reductions/reductionKernel.ts'

/** Adds the kernel to the module. @throws {DtypeError} for float64. */
export function addKernelFunction(
  module: ModuleBuilder,
  kernel: Exclude<Kernel, DotKernel>,
  exportName?: string,
): FunctionIndex {
  switch (kernel.kind) {
    case 'map':
      return addMapKernel(module, kernel, exportName)
    case 'reduce':
      return addReduceKernel(module, kernel, exportName)
    case 'gather':
      return addGatherKernel(module, kernel, exportName)
    case 'scatterAdd':
      return addScatterAddKernel(module, kernel, exportName)
    case 'randomBits':
      return addRandomBitsKernel(module, kernel, exportName)
  }
}
