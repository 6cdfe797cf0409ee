/**
 * Matrix times vector as stages: the matrix is read once, where it lies; a prologue, or a vector that is not
 * contiguous, is written to scratch memory first. A unit is a run of `rowsPerUnit`
 * results.
 */
import type { DotKernel, StoredOperand, View } from '../../kernel/kernel.ts'
import { pushMinimum } from '../assembler/minimum.ts'
import { hasPlainResult, mapStages } from '../loops/loopKernel.ts'
import { addSegmentLoop } from '../segmentLoop.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst, stageParameters, stageSignature } from '../stage.ts'
import { evaluate, mapOperand, placeOperand } from './operandViews.ts'
import { epilogueKernel, mapResultViews, rawResult } from './productForms.ts'

/** Heuristic: whole cache lines of results, and enough work for a call. A multiple of four rows. */
const rowsPerUnit = 16

/** A product of a single column, or the transpose of a product of a single row. */
interface VectorProduct extends Omit<DotKernel, 'columns'> {
  readonly columns: 1
}

/** True for a product of a single row or column whose other operand can be read where it lies. */
export function isVectorProduct({ rows, columns, lhs, rhs }: DotKernel): boolean {
  if (rows !== 1 && columns !== 1) return false
  const matrix = columns === 1 ? lhs : rhs
  return matrix.kind === 'prologue' || matrix.view.strides[1] === 1 || matrix.view.strides[2] === 1
}

/** The product with a single column that a product is, rows becoming columns where it has a single row. */
function asColumn(kernel: DotKernel): VectorProduct {
  const { columns, lhs, rhs } = kernel
  if (columns === 1) return { ...kernel, columns }
  const turned = ({ offset, strides: [batch, row, column] }: View): View => ({
    offset,
    strides: [batch, column, row],
  })
  return {
    ...mapResultViews(kernel, turned),
    rows: columns,
    columns: 1,
    lhs: mapOperand(rhs, turned),
    rhs: mapOperand(lhs, turned),
  }
}

/** The stages of a product for which `isVectorProduct` holds. @throws {DtypeError} for float64. */
export function vectorStages(context: StageContext, kernel: DotKernel): Stage[] {
  const column = asColumn(kernel)
  const { batch, rows, depth } = column
  const matrix = placeOperand(context, column.lhs, [batch, rows, depth])
  const isContiguous = column.rhs.kind === 'load' && column.rhs.view.strides[1] === 1
  const place = isContiguous ? placeOperand : evaluate
  const vector = place(matrix.context, column.rhs, [batch, depth, 1])
  const before = [...matrix.stages, ...vector.stages]
  const sums = sumsStage(vector.context, column, matrix.operand, vector.operand)
  const after = hasPlainResult(kernel)
    ? []
    : meetFirst(mapStages(context, epilogueKernel(kernel, rawResult(kernel))))
  return [...before, { ...sums, waits: before.length > 0 }, ...after]
}

/** The stage that multiplies: `lhs` has unit stride along an axis, `rhs` is contiguous. */
function sumsStage(
  context: StageContext,
  vector: VectorProduct,
  lhs: StoredOperand,
  rhs: StoredOperand,
): Stage {
  const { module, matrix } = context
  const { batch, rows, depth, accumulator, stores } = vector
  const [output] = stores
  const addend = accumulator ?? output
  const path = lhs.view.strides[2] === 1 ? 'rowDots' : 'columnSums'
  const direct = accumulator === undefined && output.view.strides[1] === 1
  const [batchStride, rowStride, depthStride] = lhs.view.strides.map((stride) => 4 * stride)
  const units = Math.ceil(rows / rowsPerUnit)
  const words = [
    context.wordOf(lhs.buffer),
    context.wordOf(rhs.buffer),
    context.wordOf(output.buffer),
    context.wordOf(addend.buffer),
  ]
  if (!direct) context.ownScratch(4 * rows)
  const target = module.addFunction(stageSignature(words.length), (f, parameters) => {
    const { words: pointers, own, first, limit } = stageParameters(parameters)
    const [matrixBase, vectorBase, outputBase, addendBase] = pointers
    const row = f.local('i32')
    const count = f.local('i32')
    const to = f.local('i32')
    const element = ({ view }: typeof addend, base: typeof row, segment: typeof row): void => {
      f.localGet(base)
        .i32Const(4 * view.offset)
        .i32Add()
      f.localGet(segment)
        .i32Const(4 * view.strides[0])
        .i32Mul()
        .i32Add()
      f.localGet(row)
        .i32Const(4 * view.strides[1])
        .i32Mul()
        .i32Add()
    }
    addSegmentLoop(f, { first, limit, length: units }, ({ segment, start, end }) => {
      f.localGet(start).i32Const(rowsPerUnit).i32Mul().localSet(row)
      f.localGet(end).i32Const(rowsPerUnit).i32Mul().localSet(count)
      pushMinimum(f, count, rows).localGet(row).i32Sub().localSet(count)
      if (direct) element(output, outputBase, segment)
      else f.localGet(own)
      f.localSet(to)
      f.localGet(matrixBase)
        .i32Const(4 * lhs.view.offset)
        .i32Add()
      f.localGet(segment).i32Const(batchStride).i32Mul().i32Add()
      f.localGet(row).i32Const(rowStride).i32Mul().i32Add()
      f.i32Const(path === 'rowDots' ? rowStride : depthStride)
      f.localGet(vectorBase)
        .i32Const(4 * rhs.view.offset)
        .i32Add()
      f.localGet(segment)
        .i32Const(4 * rhs.view.strides[0])
        .i32Mul()
        .i32Add()
      f.localGet(to).localGet(count).i32Const(depth).call(matrix[path])
      if (direct) return
      f.localGet(own).i32Const(4).localGet(count).i32Const(1)
      element(addend, addendBase, segment)
      f.i32Const(4 * addend.view.strides[1])
      element(output, outputBase, segment)
      f.i32Const(4 * output.view.strides[1])
      f.i32Const(accumulator === undefined ? 0 : 1).call(matrix.merge)
    })
  })
  return { target, words, units: batch * units, waits: false }
}
