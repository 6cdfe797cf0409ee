/**
 * The stage that multiplies packed panels, C = (acc +) A·B, and runs the epilogue on rows while they are in cache. A
 * unit is a panel of rows of C, or, where C has too few rows to share, a panel of columns; then the epilogue is a stage of
 * its own.
 *
 * Source: Goto & van de Geijn 2008, figure 4. What differs: both operands are packed whole before, so that threads
 * divide C as they like and panels can be kept; the depth is walked for one block of rows at a time, so that its part of C
 * stays in the second-level cache.
 */
import type { DotKernel } from '../../kernel/kernel.ts'
import type { FunctionBuilder, FunctionIndex, Local } from '../assembler/functionBuilder.ts'
import { countedLoop } from '../assembler/countedLoop.ts'
import { dotEpilogueBuffers } from '../kernelArguments.ts'
import { addSegmentLoop } from '../segmentLoop.ts'
import type { Segment } from '../segmentLoop.ts'
import type { Stage, StageContext, TableWord } from '../stage.ts'
import { stageParameters, stageSignature } from '../stage.ts'
import type { PanelLayout } from './panelLayout.ts'
import { balancedBlock, depthBlocks } from './panelLayout.ts'

/** Heuristic: 128 rows of a left block (160 KiB) stay in the second-level cache. */
const rowBlockLimit = 128

export interface PanelsStage {
  readonly kernel: DotKernel
  readonly left: PanelLayout
  readonly right: PanelLayout
  readonly leftPanels: TableWord
  readonly rightPanels: TableWord
  readonly split: 'rows' | 'columns'
  /** Runs on rows that are final: `(buffers of the epilogue…, batch, first row, row limit) → ()`. */
  readonly epilogue: FunctionIndex | undefined
}

export function panelsStage(context: StageContext, stage: PanelsStage): Stage {
  const { module, matrix } = context
  const { kernel, left, right, split, epilogue } = stage
  const { accumulator, stores, rows, columns, batch } = kernel
  const [output] = stores
  const addend = accumulator ?? output
  const epilogueBuffers = epilogue === undefined ? [] : dotEpilogueBuffers(kernel)
  const words = [
    stage.leftPanels,
    stage.rightPanels,
    context.wordOf(output.buffer),
    context.wordOf(addend.buffer),
    ...epilogueBuffers.map((buffer) => context.wordOf(buffer)),
  ]
  context.ownScratch(4 * left.width * right.width)
  const rowBlock = balancedBlock(rows, rowBlockLimit, left.width)
  const byteStride = ({ view }: typeof addend, axis: number): number => 4 * view.strides[axis]

  /** C[rowStart … rowEnd) × [column panel start … end): all of the depth. */
  function multiply(
    f: FunctionBuilder,
    at: Record<'leftPanels' | 'rightPanels' | 'output' | 'addend' | 'tile', Local>,
    place: Record<'rowStart' | 'rowCount' | 'columnPanel' | 'columnCount', Local>,
  ): void {
    const { rowStart, rowCount, columnPanel, columnCount } = place
    const corner = (base: Local, rowStride: number): void => {
      f.localGet(base).localGet(rowStart).i32Const(rowStride).i32Mul().i32Add()
      f.localGet(columnPanel)
        .i32Const(4 * right.width)
        .i32Mul()
        .i32Add()
    }
    depthBlocks(left).forEach(([start, depth], i) => {
      f.localGet(at.leftPanels)
        .i32Const(4 * left.panels * left.width * start)
        .i32Add()
      f.localGet(rowStart)
        .i32Const(4 * depth)
        .i32Mul()
        .i32Add()
      f.localGet(at.rightPanels)
        .i32Const(4 * right.panels * right.width * start)
        .i32Add()
      f.localGet(columnPanel)
        .i32Const(4 * right.width * depth)
        .i32Mul()
        .i32Add()
      f.localGet(rowCount).localGet(columnCount).i32Const(depth)
      const stride = i === 0 ? byteStride(addend, 1) : byteStride(output, 1)
      corner(i === 0 ? at.addend : at.output, stride)
      f.i32Const(stride)
      corner(at.output, byteStride(output, 1))
      f.i32Const(byteStride(output, 1))
      f.i32Const(i > 0 || accumulator !== undefined ? 1 : 0)
      f.localGet(at.tile).call(matrix.panels)
    })
  }

  const target = module.addFunction(stageSignature(words.length), (f, parameters) => {
    const { words: pointers, own, first, limit } = stageParameters(parameters)
    const [leftBase, rightBase, outputBase, addendBase, ...epiloguePointers] = pointers
    const local = () => f.local('i32')
    const at = { leftPanels: local(), rightPanels: local(), output: local(), addend: local(), tile: own }
    const place = { rowStart: local(), rowCount: local(), columnPanel: local(), columnCount: local() }
    const rowEnd = local()
    const entryAddress = (base: Local, segment: Local, stride: number, offset: number, to: Local): void => {
      f.localGet(base).i32Const(offset).i32Add()
      f.localGet(segment).i32Const(stride).i32Mul().i32Add().localSet(to)
    }
    const least = (value: () => void, bound: number): void => {
      const kept = local()
      value()
      f.localTee(kept).i32Const(bound).localGet(kept).i32Const(bound).i32LtS().select()
    }
    const overRows = (segment: Segment['segment']): void => {
      const { rowStart, rowCount } = place
      countedLoop(f, { counter: rowStart, end: rowEnd, step: rowBlock }, () => {
        least(() => f.localGet(rowEnd).localGet(rowStart).i32Sub(), rowBlock)
        f.localSet(rowCount)
        multiply(f, at, place)
        if (epilogue === undefined) return
        for (const pointer of epiloguePointers) f.localGet(pointer)
        f.localGet(segment).localGet(rowStart).localGet(rowStart).localGet(rowCount).i32Add().call(epilogue)
      })
    }
    const length = split === 'rows' ? left.panels : right.panels
    addSegmentLoop(f, { first, limit, length }, ({ segment, start, end }) => {
      entryAddress(leftBase, segment, left.entries > 1 ? left.wholeBytes : 0, 0, at.leftPanels)
      entryAddress(rightBase, segment, right.entries > 1 ? right.wholeBytes : 0, 0, at.rightPanels)
      entryAddress(outputBase, segment, byteStride(output, 0), 4 * output.view.offset, at.output)
      entryAddress(addendBase, segment, byteStride(addend, 0), 4 * addend.view.offset, at.addend)
      if (split === 'rows') {
        f.localGet(start).i32Const(left.width).i32Mul().localSet(place.rowStart)
        least(() => f.localGet(end).i32Const(left.width).i32Mul(), rows)
        f.localSet(rowEnd)
        f.i32Const(0).localSet(place.columnPanel).i32Const(columns).localSet(place.columnCount)
      } else {
        f.i32Const(0).localSet(place.rowStart).i32Const(rows).localSet(rowEnd)
        f.localGet(start).localSet(place.columnPanel)
        least(() => f.localGet(end).i32Const(right.width).i32Mul(), columns)
        f.localGet(start).i32Const(right.width).i32Mul().i32Sub().localSet(place.columnCount)
      }
      overRows(segment)
    })
  })
  return { target, words, units: batch * (split === 'rows' ? left.panels : right.panels), waits: true }
}
