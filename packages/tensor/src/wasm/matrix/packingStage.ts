/**
 * The stage that packs one operand of a product into panels. A unit is one panel of one matrix, all its depth: threads
 * share the work, and meet before the panels are used.
 */
import { pushMinimum } from '../assembler/minimum.ts'
import { addSegmentLoop } from '../segmentLoop.ts'
import type { Stage, StageContext, PanelWords } from '../stage.ts'
import { stageParameters, stageSignature } from '../stage.ts'
import type { DotOperand, PrologueOperand, ScalarNode, StoredOperand } from '../../kernel/kernel.ts'
import { parameterKey } from '../../program/parameterKey.ts'
import { operandAxes } from './operandPlace.ts'
import type { Side } from './operandPlace.ts'
import type { PanelLayout } from './panelLayout.ts'
import { depthBlocks } from './panelLayout.ts'
import { onlyBuffer, prologuePackingStage } from './prologuePackingStage.ts'

/** One side of a product. */
export interface PackedSide {
  readonly side: Side
  readonly operand: DotOperand
  readonly layout: PanelLayout
}

/** Says what an operand is, up to the name of its buffer. */
function operandKey(operand: DotOperand): string {
  if (operand.kind === 'load') return `${operand.view.offset}+${operand.view.strides.join(',')}`
  const anonymous = (node: ScalarNode) => (node.kind === 'load' ? { ...node, buffer: 0 } : node)
  return `${operand.operand} of ${parameterKey(operand.nodes.map(anonymous))}`
}

/** All that panels depend on besides the contents of their buffers. */
export function panelKey({ side, operand, layout }: PackedSide): string {
  const { lanes, width, depth, entries } = layout
  return `${side} ${lanes}/${width}x${depth}x${entries} ${operandKey(operand)}`
}

/** Words for the panels of an operand; panels that depend on one buffer alone may be kept with it. */
export const operandPanels = (context: StageContext, side: PackedSide): PanelWords =>
  context.panels({
    buffer: side.operand.kind === 'load' ? side.operand.buffer : onlyBuffer(side.operand),
    key: panelKey(side),
    bytes: side.layout.bytes,
  })

/** Words for panels that are packed in every run. */
export const scratchPanels = (context: StageContext, side: PackedSide): PanelWords =>
  context.panels({ buffer: undefined, key: panelKey(side), bytes: side.layout.bytes })

/**
 * Adds the packing function; `panels` says where the panels go. Operands in memory are packed by the shared module,
 * except for panels of another width than its own. @throws {DtypeError} for float64.
 */
export function packingStage(context: StageContext, packed: PackedSide, panels: PanelWords): Stage {
  const { side, operand, layout } = packed
  const { leftWidth, rightWidth } = context.matrix
  if (operand.kind === 'load' && layout.width === (side === 'left' ? leftWidth : rightWidth)) {
    return storedPackingStage(context, side, operand, layout, panels)
  }
  const prologue: PrologueOperand =
    operand.kind === 'prologue'
      ? operand
      : { kind: 'prologue', nodes: [{ ...operand, dtype: 'float32' }], operand: 0 }
  return prologuePackingStage(context, { operand: prologue, axes: operandAxes[side], layout }, panels)
}

function storedPackingStage(
  context: StageContext,
  side: Side,
  operand: StoredOperand,
  layout: PanelLayout,
  panels: PanelWords,
): Stage {
  const { module, matrix } = context
  const { view } = operand
  const pack = side === 'left' ? matrix.packLeft : matrix.packRight
  const [batchStride, laneStride, depthStride] = [0, operandAxes[side].lanes, operandAxes[side].depth].map(
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
      f.localGet(end).i32Const(layout.width).i32Mul().localSet(lanes)
      pushMinimum(f, lanes, layout.lanes)
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
      for (const [blockStart, depth] of depthBlocks(layout.depth)) {
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
