/**
 * All suites that run on the processor, in the order in which they are run.
 */
import { conjugateGradient } from './conjugateGradient.ts'
import { elementwise } from './elementwise.ts'
import { matrixProduct } from './matrixProduct.ts'
import { memoryBound } from './memoryBound.ts'
import { skinnyProduct } from './skinnyProduct.ts'
import type { Suite } from './suite.ts'
import { torchProduct } from './torchProduct.ts'
import { training } from './training.ts'

export const suites: readonly Suite[] = [
  matrixProduct,
  skinnyProduct,
  memoryBound,
  elementwise,
  training,
  conjugateGradient,
  torchProduct,
]
