/**
 * The general way of a product: pack both operands into panels, meet, multiply panels. Where panels would take too much
 * memory, block after block in the same memory.
 */
import type { DotKernel } from '../../kernel/kernel.ts'
import type { PanelWords, Stage, StageContext } from '../stage.ts'
import { meetFirst } from '../stage.ts'
import { multiplyAndFinish } from './multiplyStage.ts'
import { packedPlace } from './operandPlace.ts'
import { entriesOf } from './operandViews.ts'
import type { PackedSide } from './packingStage.ts'
import { operandPanels, packingStage, panelKey, scratchPanels } from './packingStage.ts'
import { panelLayout } from './panelLayout.ts'
import { blockExtents, superBlocks } from './superBlocks.ts'

/** Heuristic: an operand of more bytes is packed in parts, and its panels are not kept. */
export const defaultPackedBytes = 64 * 2 ** 20

/** Panels in use, and what they hold. */
interface HeldPanels {
  readonly words: PanelWords
  readonly key: string
}

export function packedStages(context: StageContext, kernel: DotKernel): Stage[] {
  const extents = blockExtents(kernel, context.packedBytes ?? defaultPackedBytes)
  const isWhole = (axes: readonly (keyof typeof extents)[]): boolean =>
    axes.every((axis) => extents[axis] === kernel[axis])
  const whole = { left: isWhole(['batch', 'rows', 'depth']), right: isWhole(['batch', 'columns', 'depth']) }
  const held = new Map<PackedSide['side'], HeldPanels>()
  /** The panels of an operand, and the stages that fill them if they hold something else. */
  const packed = (side: PackedSide): { readonly words: PanelWords; readonly stages: readonly Stage[] } => {
    const key = panelKey(side)
    const before = held.get(side.side)
    if (before?.key === key) return { words: before.words, stages: [] }
    // The first block is the largest, so its panels have room for the others'.
    const fresh = whole[side.side] ? operandPanels : scratchPanels
    const words = before?.words ?? fresh(context, side)
    held.set(side.side, { words, key })
    return { words, stages: [packingStage(context, side, words)] }
  }
  return superBlocks(kernel, extents).flatMap((block, i) => {
    const stages = blockStages(context, block, packed)
    return i === 0 ? stages : meetFirst(stages)
  })
}

function blockStages(
  context: StageContext,
  kernel: DotKernel,
  packed: (side: PackedSide) => { readonly words: PanelWords; readonly stages: readonly Stage[] },
): Stage[] {
  const { batch, rows, columns, depth, lhs, rhs } = kernel
  const { leftWidth, rightWidth } = context.matrix
  const leftLayout = panelLayout(rows, leftWidth, depth, entriesOf(lhs, batch))
  const rightLayout = panelLayout(columns, rightWidth, depth, entriesOf(rhs, batch))
  const left = packed({ side: 'left', operand: lhs, layout: leftLayout })
  const right = packed({ side: 'right', operand: rhs, layout: rightLayout })
  const multiply = multiplyAndFinish(context, kernel, {
    left: packedPlace(leftLayout, left.words.address),
    right: packedPlace(rightLayout, right.words.address),
    block: context.matrix.panels,
    tileRows: leftWidth,
    tileColumns: rightWidth,
  })
  return [...left.stages, ...right.stages, ...meetFirst(multiply)]
}
