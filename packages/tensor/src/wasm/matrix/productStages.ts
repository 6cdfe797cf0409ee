/**
 * C = epilogue((acc +) A·B) for operands of any size and strides, as stages. Here is chosen which way a product goes:
 *
 * - no terms: the accumulator, or zero;
 * - a single row or column, where the other operand is a matrix with unit stride along an axis: matrix times vector;
 * - few columns, or few rows: operands are read in place;
 * - everything else: packed panels.
 */
import type { DotKernel, ScalarNode } from '../../kernel/kernel.ts'
import { mapStages } from '../loops/loopKernel.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { inPlaceStages } from './inPlaceProduct.ts'
import { packedStages } from './packedProduct.ts'
import { collapseBatch, epilogueKernel, storableAccumulator } from './productForms.ts'
import { isVectorProduct, vectorStages } from './vectorStage.ts'

/**
 * Heuristic: up to so many columns the left operand is read in place. Measured on V8 11 to 13 at depth 500, as shares of
 * the micro-kernel's ceiling, packed and in place: 16 columns 82 and 95 %, 32 columns 90 and 98 %, 64 columns 94 and 97 %.
 */
const fewColumns = 64

/**
 * Heuristic: up to so many rows the right operand is read in place where its columns have unit stride. 5 rows 41 and 62 %,
 * 10 rows 58 and 75 %, 16 rows 80 and 77 %.
 */
const fewRows = 12

const readsInPlace = ({ rows, columns, rhs }: DotKernel): boolean =>
  columns <= fewColumns || (rows <= fewRows && rhs.kind === 'load' && rhs.view.strides[2] === 1)

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
  const path = isVectorProduct(kernel) ? vectorStages : readsInPlace(kernel) ? inPlaceStages : packedStages
  const stages = path(context, kernel)
  return copy === undefined ? stages : [...mapStages(context, copy), ...meetFirst(stages)]
}
