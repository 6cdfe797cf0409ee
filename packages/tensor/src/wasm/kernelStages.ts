/**
 * Kernels as stages of WebAssembly functions, specialised to their shapes.
 */
import type { Kernel } from '../kernel/kernel.ts'
import { gatherStages, scatterAddStages } from './indexedKernel.ts'
import { mapStages } from './loops/loopKernel.ts'
import { productStages } from './matrix/productStages.ts'
import { randomBitsStages } from './randomBitsKernel.ts'
import { reduceStages } from './reductions/reductionKernel.ts'
import type { Stage, StageContext } from './stage.ts'

/** Adds the functions of a kernel to the module; they run in order. @throws {DtypeError} for float64. */
export function kernelStages(context: StageContext, kernel: Kernel): readonly Stage[] {
  switch (kernel.kind) {
    case 'map':
      return mapStages(context, kernel)
    case 'reduce':
      return reduceStages(context, kernel)
    case 'dot':
      return productStages(context, kernel)
    case 'gather':
      return gatherStages(context, kernel)
    case 'scatterAdd':
      return scatterAddStages(context, kernel)
    case 'randomBits':
      return randomBitsStages(context, kernel)
  }
}
