/**
 * Where the multiplying stage finds an operand, packed or in place: the address of a lane (a row of the left operand, a
 * column of the right one) in a block of the depth is
 *   base + offset + entry·entryBytes + blockBytes(start of the block) + lane·laneBytes(depth of the block).
 */
import type { StoredOperand } from '../../kernel/kernel.ts'
import type { StageContext, TableWord } from '../stage.ts'
import type { PanelLayout } from './panelLayout.ts'

export interface OperandPlace {
  readonly word: TableWord
  readonly offset: number
  /** 0 where all entries of a batch share one matrix. */
  readonly entryBytes: number
  readonly blockBytes: (start: number) => number
  /** For lanes at which a tile begins. */
  readonly laneBytes: (depth: number) => number
}

/** Axes of the views over [batch, rows, depth] and [batch, depth, columns]. */
export const operandAxes = { left: { lanes: 1, depth: 2 }, right: { lanes: 2, depth: 1 } } as const

export type Side = keyof typeof operandAxes

export const packedPlace = (layout: PanelLayout, word: TableWord): OperandPlace => ({
  word,
  offset: 0,
  entryBytes: layout.entries > 1 ? layout.wholeBytes : 0,
  blockBytes: (start) => 4 * layout.panels * layout.width * start,
  laneBytes: (depth) => 4 * depth,
})

export const inPlace = (context: StageContext, side: Side, { buffer, view }: StoredOperand): OperandPlace => {
  const { lanes, depth } = operandAxes[side]
  return {
    word: context.wordOf(buffer),
    offset: 4 * view.offset,
    entryBytes: 4 * view.strides[0],
    blockBytes: (start) => 4 * start * view.strides[depth],
    laneBytes: () => 4 * view.strides[lanes],
  }
}
