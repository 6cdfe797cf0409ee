/**
 * The general way of a product: pack both operands into panels, meet, multiply panels.
 */
import type { DotKernel } from '../../kernel/kernel.ts'
import { addDotEpilogue, hasPlainResult, mapStages } from '../loops/loopKernel.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { entriesOf } from './operandViews.ts'
import type { PackedSide } from './packingStage.ts'
import { operandPanels, packingStage } from './packingStage.ts'
import { panelLayout } from './panelLayout.ts'
import { panelsStage } from './panelsStage.ts'
import { epilogueKernel, rawResult } from './productForms.ts'

export function packedStages(context: StageContext, kernel: DotKernel): Stage[] {
  const { batch, rows, columns, depth, lhs, rhs } = kernel
  const { leftWidth, rightWidth } = context.matrix
  const left = panelLayout(rows, leftWidth, depth, entriesOf(lhs, batch))
  const right = panelLayout(columns, rightWidth, depth, entriesOf(rhs, batch))
  const sides: PackedSide[] = [
    { side: 'left', operand: lhs, layout: left },
    { side: 'right', operand: rhs, layout: right },
  ]
  const panels = sides.map((side) => operandPanels(context, side))
  // Heuristic: rows where there are enough of them for any number of threads, because epilogues work on rows.
  const split = batch * left.panels >= 32 || left.panels >= right.panels ? 'rows' : 'columns'
  const plain = hasPlainResult(kernel)
  const multiply = panelsStage(context, {
    kernel,
    left,
    right,
    leftPanels: panels[0].address,
    rightPanels: panels[1].address,
    split,
    epilogue: plain || split === 'columns' ? undefined : addDotEpilogue(context.module, kernel),
  })
  const after =
    plain || split === 'rows' ? [] : meetFirst(mapStages(context, epilogueKernel(kernel, rawResult(kernel))))
  return [...sides.map((side, i) => packingStage(context, side, panels[i])), multiply, ...after]
}
