/**
 * C = epilogue((acc +) A·B) for operands of any size and strides, as stages. Here is chosen which way a product goes:
 *
 * - no terms: the accumulator, or zero;
 * - a single row or column, where the other operand is a matrix with unit stride along an axis: matrix times vector;
 * - everything else: packed panels.
 */
import type { DotKernel, ScalarNode } from '../../kernel/kernel.ts'
import { mapStages } from '../loops/loopKernel.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { packedStages } from './packedProduct.ts'
import { collapseBatch, epilogueKernel, storableAccumulator } from './productForms.ts'
import { isVectorProduct, vectorStages } from './vectorStage.ts'

/** No terms to add: the accumulator, or zero. */
function emptyProduct(context: StageContext, kernel: DotKernel): Stage[] {
  const { accumulator, dtype } = kernel
  const result: ScalarNode =
    accumulator === undefined
      ? { kind: 'constant', value: 0, dtype }
      : { kind: 'load', buffer: accumulator.buffer, view: accumulator.view, dtype }
  return mapStages(context, epilogueKernel(kernel, result))
}

/** The stages of a product. @throws {DtypeError} for float64. */
export function productStages(context: StageContext, original: DotKernel): Stage[] {
  if (original.depth === 0) return emptyProduct(context, original)
  const { copy, kernel } = storableAccumulator(collapseBatch(original))
  const path = isVectorProduct(kernel) ? vectorStages : packedStages
  const stages = path(context, kernel)
  return copy === undefined ? stages : [...mapStages(context, copy), ...meetFirst(stages)]
}
