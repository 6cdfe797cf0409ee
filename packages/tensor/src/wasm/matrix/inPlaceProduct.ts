/**
 * Products in which packing an operand would cost more than it saves, because few rows or columns use it: the left operand
 * is read where it lies, element by element, and so is the right one where only few rows would use its panels and its
 * columns have unit stride. Prologues are evaluated into scratch memory first.
 */
import type { DotKernel } from '../../kernel/kernel.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { addInPlaceBlock } from './inPlaceBlock.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { multiplyAndFinish } from './multiplyStage.ts'
import type { OperandPlace } from './operandPlace.ts'
import { inPlace, packedPlace } from './operandPlace.ts'
import { entriesOf, placeOperand } from './operandViews.ts'
import { operandPanels, packingStage } from './packingStage.ts'
import type { PackedSide } from './packingStage.ts'
import { panelLayout } from './panelLayout.ts'

/**
 * Heuristic: from so many rows on, panels of the right operand are worth packing, unless it is so small that it stays in
 * the first-level cache anyway. (32 rows of a 1280×32 matrix: 81 % of the ceiling packed, 70 % in place.)
 */
const rowsWorthPacking = 13
const smallOperand = 4096

/**
 * The tile for a product of that size. Heuristic: as many vectors, or rows, as there are where they are few, so that
 * little is computed in vain, and beside them as much as V8 keeps in registers; else the 4×8 of the fastest
 * micro-kernels. (Of 1 to 10 rows by 4 to 20 columns these were the fastest on three versions of V8.)
 */
export function tileFor(
  { rows, columns }: Pick<DotKernel, 'rows' | 'columns'>,
  multiplyAdd: MicroKernel['multiplyAdd'],
): MicroKernel {
  const vectors = Math.ceil(columns / 4)
  const unroll = multiplyAdd === 'relaxed' ? 4 : 2
  if (vectors === 1) return { rows: 7, vectors, unroll: 4, multiplyAdd }
  if (vectors === 3 || vectors === 5) return { rows: 3, vectors: 3, unroll, multiplyAdd }
  if (vectors >= 4 && rows <= 2) return { rows: 2, vectors: 4, unroll, multiplyAdd }
  if (rows === 3 || rows === 5 || rows === 6 || rows === 9) {
    return { rows: 3, vectors: multiplyAdd === 'relaxed' ? 3 : 2, unroll: 4, multiplyAdd }
  }
  return { rows: 4, vectors: 2, unroll: 4, multiplyAdd }
}

/** The stages of a product with terms that reads its left operand in place. */
export function inPlaceStages(context: StageContext, kernel: DotKernel): Stage[] {
  const { batch, rows, columns, depth, lhs, rhs } = kernel
  const tile = tileFor(kernel, context.matrix.microKernel.multiplyAdd)
  const leftOperand = placeOperand(context, lhs, [batch, rows, depth])
  const before: Stage[] = [...leftOperand.stages]
  const readRight = (): { readonly right: OperandPlace; readonly stepBytes: number | undefined } => {
    if (
      rhs.kind === 'load' &&
      rhs.view.strides[2] === 1 &&
      (rows < rowsWorthPacking || depth * columns <= smallOperand)
    ) {
      return { right: inPlace(context, 'right', rhs), stepBytes: 4 * rhs.view.strides[1] }
    }
    const layout = panelLayout(columns, 4 * tile.vectors, depth, entriesOf(rhs, batch))
    const packed: PackedSide = { side: 'right', operand: rhs, layout }
    const panels = operandPanels(context, packed)
    before.push(packingStage(context, packed, panels))
    return { right: packedPlace(layout, panels.address), stepBytes: undefined }
  }
  const { right, stepBytes } = readRight()
  const [, leftLane, leftStep] = leftOperand.operand.view.strides
  const block = addInPlaceBlock(context.module, tile, {
    rows,
    columns,
    leftLaneBytes: 4 * leftLane,
    leftStepBytes: 4 * leftStep,
    rightStepBytes: stepBytes,
  })
  const stages = multiplyAndFinish(leftOperand.context, kernel, {
    left: inPlace(leftOperand.context, 'left', leftOperand.operand),
    right,
    block,
    tileRows: tile.rows,
    tileColumns: 4 * tile.vectors,
  })
  return before.length === 0 ? stages : [...before, ...meetFirst(stages)]
}
