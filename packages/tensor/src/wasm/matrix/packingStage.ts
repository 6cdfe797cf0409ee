/**
 * The stage that packs one operand of a product into panels. A unit is one panel of one matrix, all its depth: threads
 * share the work, and meet before the panels are used.
 */
import { addSegmentLoop } from '../segmentLoop.ts'
import type { Stage, StageContext, PanelWords } from '../stage.ts'
import { stageParameters, stageSignature } from '../stage.ts'
import type { StoredOperand } from '../../kernel/kernel.ts'
import type { PanelLayout } from './panelLayout.ts'
import { depthBlocks } from './panelLayout.ts'

/** One side of a product: which axes of the operand's view are lanes and depth. */
export interface PackedSide {
  readonly side: 'left' | 'right'
  readonly operand: StoredOperand
  readonly layout: PanelLayout
}

/** Axes of the views over [batch, rows, depth] and [batch, depth, columns]. */
const axes = { left: { lanes: 1, depth: 2 }, right: { lanes: 2, depth: 1 } } as const

/** All that panels depend on besides the contents of their buffer. */
export function panelKey({ operand: { view }, side, layout }: PackedSide): string {
  const { lanes, width, depth, entries } = layout
  return `${side} ${view.offset}+${view.strides.join(',')} ${lanes}/${width}x${depth}x${entries}`
}

/** Adds the packing function; `panels` says where the panels go. */
export function packingStage(context: StageContext, packed: PackedSide, panels: PanelWords): Stage {
  const { module, matrix } = context
  const { side, operand, layout } = packed
  const { view } = operand
  const pack = side === 'left' ? matrix.packLeft : matrix.packRight
  const [batchStride, laneStride, depthStride] = [0, axes[side].lanes, axes[side].depth].map(
    (axis) => 4 * view.strides[axis],
  )
  const words = [panels.address, context.wordOf(operand.buffer)]
  const target = module.addFunction(stageSignature(words.length), (f, parameters) => {
    const {
      words: [to, from],
      first,
      limit,
    } = stageParameters(parameters)
    const source = f.local('i32')
    const destination = f.local('i32')
    const lanes = f.local('i32')
    addSegmentLoop(f, { first, limit, length: layout.panels }, ({ segment, start, end }) => {
      f.localGet(end).i32Const(layout.width).i32Mul().localTee(lanes).i32Const(layout.lanes)
      f.localGet(lanes).i32Const(layout.lanes).i32LtS().select()
      f.localGet(start).i32Const(layout.width).i32Mul().i32Sub().localSet(lanes)
      f.localGet(from)
        .i32Const(4 * view.offset)
        .i32Add()
      f.localGet(segment).i32Const(batchStride).i32Mul().i32Add()
      f.localGet(start)
        .i32Const(layout.width * laneStride)
        .i32Mul()
        .i32Add()
        .localSet(source)
      f.localGet(to).localGet(segment).i32Const(layout.wholeBytes).i32Mul().i32Add().localSet(destination)
      for (const [blockStart, depth] of depthBlocks(layout)) {
        f.localGet(destination)
          .i32Const(4 * layout.panels * layout.width * blockStart)
          .i32Add()
        f.localGet(start)
          .i32Const(4 * layout.width * depth)
          .i32Mul()
          .i32Add()
        f.localGet(source)
          .i32Const(blockStart * depthStride)
          .i32Add()
        f.i32Const(laneStride).i32Const(depthStride).localGet(lanes).i32Const(depth).call(pack)
      }
    })
  })
  const units = layout.entries * layout.panels
  return { target, words, units, waits: false, condition: panels.stale }
}
