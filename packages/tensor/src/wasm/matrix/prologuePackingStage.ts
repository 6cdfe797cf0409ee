/**
 * The stage that packs an operand which is computed first: the expression of a prologue is evaluated four elements at a
 * time and goes straight into panels, each element once. A unit is one panel of one matrix, as in `packingStage`.
 *
 * Blocks of four lanes by four steps along the depth: vectors lie along the axis along which more inputs are
 * contiguous. Where that is the depth, results are transposed in registers; where it is the lanes, inputs that are
 * contiguous along the depth are. Lanes that fill up the last panel hold whatever the expression gives there; their
 * results are dropped.
 */
import type { BufferIndex, PrologueOperand } from '../../kernel/kernel.ts'
import { countedLoop } from '../assembler/countedLoop.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { transposeVectors } from '../assembler/transposition.ts'
import { pointersOf } from '../kernelArguments.ts'
import { pushLanes } from '../loops/laneMemory.ts'
import type { LoopBody } from '../loops/loopBody.ts'
import { emitValues } from '../loops/loopBody.ts'
import type { Access, ViewOf } from '../loops/loopCursors.ts'
import { createCursors, elementShift } from '../loops/loopCursors.ts'
import { loopExpression } from '../loops/loopExpression.ts'
import { repeatBy } from '../loops/loopNest.ts'
import { addSegmentLoop } from '../segmentLoop.ts'
import type { PanelWords, Stage, StageContext } from '../stage.ts'
import { stageParameters, stageSignature } from '../stage.ts'
import type { PanelLayout } from './panelLayout.ts'

/** Axes of the views of the operand. */
export interface OperandAxes {
  readonly lanes: number
  readonly depth: number
}

/** Buffers that a prologue reads, once each. */
export const prologueBuffers = ({ nodes }: PrologueOperand): BufferIndex[] => [
  ...new Set(nodes.flatMap((node) => (node.kind === 'load' ? [node.buffer] : []))),
]

/** The buffer whose panels a prologue's are, if it reads one alone: then they depend on nothing else. */
export const onlyBuffer = (operand: PrologueOperand): BufferIndex | undefined => {
  const buffers = prologueBuffers(operand)
  return buffers.length === 1 ? buffers[0] : undefined
}

/** Index of a view at a step along the lanes and a step along the depth. */
const index = (axes: OperandAxes, lane: number, step: number): number[] =>
  [0, 1, 2].map((axis) => (axis === axes.lanes ? lane : axis === axes.depth ? step : 0))

/** True if vectors along the depth read more of the inputs in one load. */
function liesAlongDepth(inputs: readonly (Access | undefined)[], { lanes, depth }: OperandAxes): boolean {
  const contiguous = (axis: number): number =>
    inputs.filter((input) => input?.isIndex === false && input.strides[axis] === 1).length
  return contiguous(depth) > contiguous(lanes)
}

/** Up to four neighbouring lanes of a panel. */
interface Group {
  /** Place in the panel. */
  readonly at: number
  /** Lanes that exist. */
  readonly count: number
  /** Lanes that the panel has room for: 4, or 2 at the end of a panel of 6. */
  readonly room: number
}

function storeGroup(f: FunctionBuilder, to: Local, value: Local, { room }: Group, offset: number): void {
  f.localGet(to).localGet(value)
  if (room === 4) f.v128Store(offset, 4)
  else f.v128Store64Lane(0, offset)
}

/** Four steps of a group, from the cursors on. */
function emitBlock(
  f: FunctionBuilder,
  body: LoopBody,
  axes: OperandAxes,
  { group, width, to }: { readonly group: Group; readonly width: number; readonly to: Local },
): void {
  const byStep = (step: number): number => 4 * (step * width + group.at)
  if (liesAlongDepth(body.inputs, axes)) {
    const zero = f.local('v128')
    const rows = Array.from({ length: 4 }, (_, lane) => {
      if (lane >= group.count) return zero
      const place = { axis: axes.depth, at: index(axes, group.at + lane, 0), lanes: 4 }
      return emitValues(f, body, place)[0]
    })
    f.f32x4Const(0).localSet(zero)
    transposeVectors(f, rows).forEach((value, step) => storeGroup(f, to, value, group, byStep(step)))
    return
  }
  const crossing = body.inputs.map((input): Local[] | undefined => {
    if (input === undefined || input.isIndex || group.count < 4) return undefined
    if (input.strides[axes.depth] !== 1 || input.strides[axes.lanes] <= 1) return undefined
    const rows = [0, 1, 2, 3].map((lane) => {
      const row = f.local('v128')
      pushLanes(f, input, axes.depth, elementShift(input, index(axes, group.at + lane, 0)), 4)
      f.localSet(row)
      return row
    })
    return transposeVectors(f, rows)
  })
  for (let step = 0; step < 4; step++) {
    const place = { axis: axes.lanes, at: index(axes, group.at, step), lanes: group.count }
    const [value] = emitValues(f, body, place, undefined, (input) => crossing[input]?.[step])
    storeGroup(f, to, value, group, byStep(step))
  }
}

/** One step of a group. */
function emitStep(
  f: FunctionBuilder,
  body: LoopBody,
  axes: OperandAxes,
  { group, to }: { readonly group: Group; readonly to: Local },
): void {
  const place = { axis: axes.lanes, at: index(axes, group.at, 0), lanes: group.count }
  const [value] = emitValues(f, body, place)
  storeGroup(f, to, value, group, 4 * group.at)
}

/** The groups of a panel with so many lanes that exist. */
const groupsOf = (width: number, lanes: number): Group[] =>
  Array.from({ length: Math.ceil(width / 4) }, (_, i) => ({
    at: 4 * i,
    count: Math.max(0, Math.min(4, lanes - 4 * i)),
    room: Math.min(4, width - 4 * i),
  }))

export interface PackedPrologue {
  readonly operand: PrologueOperand
  readonly axes: OperandAxes
  readonly layout: PanelLayout
}

/** Adds the function that evaluates and packs; `panels` says where the panels go. @throws {DtypeError} for float64. */
export function prologuePackingStage(
  context: StageContext,
  { operand, axes, layout }: PackedPrologue,
  panels: PanelWords,
): Stage {
  const { width, depthBlock, blocks, depth } = layout
  const { roots, inputs } = loopExpression(operand.nodes, [operand.operand])
  const buffers = prologueBuffers(operand)
  const words = [panels.address, ...buffers.map((buffer) => context.wordOf(buffer))]
  const target = context.module.addFunction(stageSignature(words.length), (f, parameters) => {
    const { words: pointers, first, limit } = stageParameters(parameters)
    const [base, ...sources] = pointers
    const local = (): Local => f.local('i32')
    const [panel, block, blockDepth, blockBase, to, count, started] = Array.from({ length: 7 }, local)

    /** One panel, with so many lanes that exist, from the cursors on; they are back there afterwards. */
    const packPanel = (body: LoopBody, lanes: number): void => {
      const { cursors } = body
      const forth = (steps: number): void => {
        cursors.advance(axes.depth, steps)
        f.localGet(to)
          .i32Const(4 * width * steps)
          .i32Add()
          .localSet(to)
      }
      for (const group of groupsOf(width, lanes)) {
        f.localGet(blockBase)
          .localGet(panel)
          .localGet(blockDepth)
          .i32Mul()
          .i32Const(4 * width)
          .i32Mul()
          .i32Add()
          .localSet(to)
        if (group.count === 0) {
          const zero = f.local('v128')
          f.f32x4Const(0).localSet(zero)
          repeatBy(f, blockDepth, () => {
            storeGroup(f, to, zero, group, 4 * group.at)
            forth(1)
          })
        } else {
          f.localGet(blockDepth).i32Const(2).i32ShrU().localSet(count)
          repeatBy(f, count, () => {
            emitBlock(f, body, axes, { group, width, to })
            forth(4)
          })
          f.localGet(blockDepth).i32Const(3).i32And().localSet(count)
          repeatBy(f, count, () => {
            emitStep(f, body, axes, { group, to })
            forth(1)
          })
        }
        f.i32Const(0).localGet(blockDepth).i32Sub().localSet(count)
        cursors.advanceBy(axes.depth, count)
      }
    }

    addSegmentLoop(f, { first, limit, length: layout.panels }, ({ segment, start, end }) => {
      const cursors = createCursors(
        f,
        inputs.map((input) => input as ViewOf),
        pointersOf(buffers, sources),
      )
      const body: LoopBody = { cursors, roots, inputs: cursors.accesses, stores: [] }
      cursors.advanceBy(0, segment)
      f.localGet(start).i32Const(width).i32Mul().localSet(started)
      cursors.advanceBy(axes.lanes, started)
      f.localGet(start).localSet(panel)
      countedLoop(f, { counter: panel, end }, () => {
        f.localGet(base).localGet(segment).i32Const(layout.wholeBytes).i32Mul().i32Add().localSet(blockBase)
        f.i32Const(0).localSet(block)
        f.i32Const(Math.min(depthBlock, depth)).localSet(blockDepth)
        const wholePanels = Math.floor(layout.lanes / width)
        const onePanel = (): void => {
          if (wholePanels === layout.panels) packPanel(body, width)
          else {
            f.localGet(panel).i32Const(wholePanels).i32LtS()
            f.ifElse(
              () => packPanel(body, width),
              () => packPanel(body, layout.lanes - wholePanels * width),
            )
          }
        }
        f.loop((again) => {
          onePanel()
          cursors.advance(axes.depth, depthBlock)
          f.localGet(blockBase)
            .i32Const(4 * layout.panels * width * depthBlock)
            .i32Add()
            .localSet(blockBase)
          f.localGet(block)
            .i32Const(1)
            .i32Add()
            .localTee(block)
            .i32Const(blocks - 1)
            .i32Eq()
          f.ifElse(() => {
            f.i32Const(depth - (blocks - 1) * depthBlock).localSet(blockDepth)
          })
          f.localGet(block).i32Const(blocks).i32LtS().brIf(again)
        })
        cursors.advance(axes.depth, -blocks * depthBlock)
        cursors.advance(axes.lanes, width)
      })
    })
  })
  return { target, words, units: layout.entries * layout.panels, waits: false, condition: panels.stale }
}
