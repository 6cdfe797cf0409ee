/**
 * C = epilogue((acc +) A·B) for operands of any size and strides, as stages. Here is chosen which way a product goes:
 *
 * - no terms: the accumulator, or zero;
 * - few terms: an element-wise loop;
 * - few results from a great depth: slices of the depth, each of which goes one of these ways;
 * - a single row or column, where the other operand is a matrix with unit stride along an axis: matrix times vector;
 * - few columns, or few rows: operands are read in place;
 * - everything else: packed panels.
 */
import { DtypeError } from '../../errors.ts'
import type { DotKernel, DotOperand, ScalarNode } from '../../kernel/kernel.ts'
import { mapStages } from '../loops/loopKernel.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { deepStages, isDeep } from './depthSlices.ts'
import { inPlaceStages } from './inPlaceProduct.ts'
import { entriesOf } from './operandViews.ts'
import { defaultPackedBytes, packedStages } from './packedProduct.ts'
import { collapseBatch, epilogueKernel, storableAccumulator } from './productForms.ts'
import { isShallow, shallowStages } from './shallowProduct.ts'
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

/**
 * Heuristic: a left operand whose rows are contiguous is packed for more than so many columns where it goes from step to
 * step along the depth in whole pages: a block's steps then share a few sets of every cache. By 32 columns packing costs
 * about what it saves. (4096×1024 by 64 columns: 23 GFLOP/s in place, 32 packed; 4100 rows: 39 in place.)
 */
const columnsWorthPacking = 32
const pageElements = 1024

function stepsThroughPages({ rows, columns, depth, lhs }: DotKernel): boolean {
  if (lhs.kind !== 'load' || rows === 1 || depth === 1 || columns <= columnsWorthPacking) return false
  const [, lane, step] = lhs.view.strides
  return lane === 1 && step > 0 && step % pageElements === 0
}

/** Bytes that the path needs in scratch memory for an operand that it does not read where it is. */
const bytesOf = (operand: DotOperand, batch: number, lanes: number, depth: number): number =>
  4 * entriesOf(operand, batch) * lanes * depth

function readsInPlace(context: StageContext, kernel: DotKernel): boolean {
  const { batch, rows, columns, depth, lhs, rhs } = kernel
  const limit = context.packedBytes ?? defaultPackedBytes
  if (lhs.kind === 'prologue' && bytesOf(lhs, batch, rows, depth) > limit) return false
  const isUnitRight = rhs.kind === 'load' && rhs.view.strides[2] === 1
  if (bytesOf(rhs, batch, columns, depth) > limit && !(isUnitRight && rows <= fewRows)) return false
  if (stepsThroughPages(kernel)) return false
  return columns <= fewColumns || (rows <= fewRows && isUnitRight)
}

/** A vector product whose operands, if they must be evaluated, fit in scratch memory. */
function multipliesVector(context: StageContext, kernel: DotKernel): boolean {
  const { batch, rows, columns, depth, lhs, rhs } = kernel
  const matrix = columns === 1 ? lhs : rhs
  const limit = context.packedBytes ?? defaultPackedBytes
  return (
    isVectorProduct(kernel) &&
    (matrix.kind === 'load' || bytesOf(matrix, batch, Math.max(rows, columns), depth) <= limit)
  )
}

/** No terms to add: the accumulator, or zero. */
function emptyProduct(context: StageContext, kernel: DotKernel): Stage[] {
  const { accumulator, dtype } = kernel
  const result: ScalarNode =
    accumulator === undefined
      ? { kind: 'constant', value: 0, dtype }
      : { kind: 'load', buffer: accumulator.buffer, view: accumulator.view, dtype }
  return mapStages(context, epilogueKernel(kernel, result))
}

/** The stages of a product that is not cut along its depth. */
function flatStages(context: StageContext, original: DotKernel): Stage[] {
  const { copy, kernel } = storableAccumulator(collapseBatch(original))
  const path = multipliesVector(context, kernel)
    ? vectorStages
    : readsInPlace(context, kernel)
      ? inPlaceStages
      : packedStages
  const stages = path(context, kernel)
  return copy === undefined ? stages : [...mapStages(context, copy), ...meetFirst(stages)]
}

/** The stages of a product. @throws {DtypeError} for other dtypes than float32: micro-kernels know no other. */
export function productStages(context: StageContext, kernel: DotKernel): Stage[] {
  if (kernel.dtype !== 'float32') {
    throw new DtypeError({
      operation: 'dot',
      rule: 'the wasm backend multiplies matrices in float32',
      found: kernel.dtype,
      remedy: 'Convert the operands to float32, or use the reference backend',
    })
  }
  if (kernel.depth === 0) return emptyProduct(context, kernel)
  if (isShallow(kernel)) return shallowStages(context, kernel)
  return isDeep(kernel) ? deepStages(context, kernel, flatStages) : flatStages(context, kernel)
}
