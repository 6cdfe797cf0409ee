/**
 * The general way of a product: pack both operands into panels, meet, multiply panels.
 */
import type { DotKernel } from '../../kernel/kernel.ts'
import type { Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { entriesOf } from './operandViews.ts'
import type { PackedSide } from './packingStage.ts'
import { operandPanels, packingStage } from './packingStage.ts'
import { packedPlace } from './operandPlace.ts'
import { panelLayout } from './panelLayout.ts'
import { multiplyAndFinish } from './multiplyStage.ts'

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
  const stage = multiplyAndFinish(context, kernel, {
    left: packedPlace(left, panels[0].address),
    right: packedPlace(right, panels[1].address),
    block: context.matrix.panels,
    tileRows: leftWidth,
    tileColumns: rightWidth,
  })
  return [...sides.map((side, i) => packingStage(context, side, panels[i])), ...meetFirst(stage)]
}
