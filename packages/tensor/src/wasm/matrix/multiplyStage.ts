/**
 * The stage that multiplies, C = (acc +) A·B, block by block, and runs the epilogue on rows while they are in cache. A
 * unit is a tile of rows of C, or, where C has too few rows to share, a tile of columns; then the epilogue is a stage of
 * its own.
 *
 * Source: Goto & van de Geijn 2008, figure 4. What differs: operands are packed whole before, or read in place, so that
 * threads divide C as they like and panels can be kept; the depth is walked for one block of rows at a time, so that its
 * part of C stays in the second-level cache.
 */
import type { DotKernel } from '../../kernel/kernel.ts'
import type { FunctionBuilder, FunctionIndex, Local } from '../assembler/functionBuilder.ts'
import { countedLoop } from '../assembler/countedLoop.ts'
import { pushMinimum } from '../assembler/minimum.ts'
import { dotEpilogueBuffers } from '../kernelArguments.ts'
import { addSegmentLoop } from '../segmentLoop.ts'
import type { Segment } from '../segmentLoop.ts'
import type { Stage, StageContext } from '../stage.ts'
import { addDotEpilogue, hasPlainResult, mapStages } from '../loops/loopKernel.ts'
import { meetFirst, stageParameters, stageSignature } from '../stage.ts'
import type { OperandPlace } from './operandPlace.ts'
import { epilogueKernel, rawResult } from './productForms.ts'
import { balancedBlock, depthBlocks } from './panelLayout.ts'

/** Heuristic: 128 rows of a left block (160 KiB) stay in the second-level cache. */
const rowBlockLimit = 128

export interface Multiplication {
  readonly left: OperandPlace
  readonly right: OperandPlace
  /** Multiplies a block: a function of the signature `panelsSignature`. */
  readonly block: FunctionIndex
  readonly tileRows: number
  readonly tileColumns: number
}

interface SplitMultiplication extends Multiplication {
  readonly kernel: DotKernel
  readonly split: 'rows' | 'columns'
  /** Runs on rows that are final: `(buffers of the epilogue…, batch, first row, row limit) → ()`. */
  readonly epilogue: FunctionIndex | undefined
}

/** Multiplies and runs the epilogue, in the same stage where that is split by rows. */
export function multiplyAndFinish(
  context: StageContext,
  kernel: DotKernel,
  multiplication: Multiplication,
): Stage[] {
  const { tileRows, tileColumns } = multiplication
  const rowTiles = Math.ceil(kernel.rows / tileRows)
  // Heuristic: rows where there are enough of them for any number of threads, because epilogues work on rows.
  const byRows = kernel.batch * rowTiles >= 32 || rowTiles >= Math.ceil(kernel.columns / tileColumns)
  if (hasPlainResult(kernel)) {
    const split = byRows ? 'rows' : 'columns'
    return [multiplyStage(context, { ...multiplication, kernel, split, epilogue: undefined })]
  }
  if (byRows) {
    const epilogue = addDotEpilogue(context.module, kernel)
    return [multiplyStage(context, { ...multiplication, kernel, split: 'rows', epilogue })]
  }
  return [
    multiplyStage(context, { ...multiplication, kernel, split: 'columns', epilogue: undefined }),
    ...meetFirst(mapStages(context, epilogueKernel(kernel, rawResult(kernel)))),
  ]
}

function multiplyStage(context: StageContext, multiplication: SplitMultiplication): Stage {
  const { kernel, left, right, block, tileRows, tileColumns, split, epilogue } = multiplication
  const { accumulator, stores, rows, columns, depth: wholeDepth, batch } = kernel
  const [output] = stores
  const addend = accumulator ?? output
  const epilogueBuffers = epilogue === undefined ? [] : dotEpilogueBuffers(kernel)
  const words = [
    left.word,
    right.word,
    context.wordOf(output.buffer),
    context.wordOf(addend.buffer),
    ...epilogueBuffers.map((buffer) => context.wordOf(buffer)),
  ]
  context.ownScratch(4 * tileRows * tileColumns)
  const rowTiles = Math.ceil(rows / tileRows)
  const columnTiles = Math.ceil(columns / tileColumns)
  const rowBlock = balancedBlock(rows, rowBlockLimit, tileRows)
  const byteStride = ({ view }: typeof addend, axis: number): number => 4 * view.strides[axis]

  /** C[rowStart … rowEnd) × [column panel start … end): all of the depth. */
  function multiply(
    f: FunctionBuilder,
    at: Record<'left' | 'right' | 'output' | 'addend' | 'tile', Local>,
    place: Record<'rowStart' | 'rowCount' | 'columnStart' | 'columnCount', Local>,
  ): void {
    const { rowStart, rowCount, columnStart, columnCount } = place
    const corner = (base: Local, rowStride: number): void => {
      f.localGet(base).localGet(rowStart).i32Const(rowStride).i32Mul().i32Add()
      f.localGet(columnStart).i32Const(4).i32Mul().i32Add()
    }
    depthBlocks(wholeDepth).forEach(([start, depth], i) => {
      f.localGet(at.left).i32Const(left.blockBytes(start)).i32Add()
      f.localGet(rowStart).i32Const(left.laneBytes(depth)).i32Mul().i32Add()
      f.localGet(at.right).i32Const(right.blockBytes(start)).i32Add()
      f.localGet(columnStart).i32Const(right.laneBytes(depth)).i32Mul().i32Add()
      f.localGet(rowCount).localGet(columnCount).i32Const(depth)
      const stride = i === 0 ? byteStride(addend, 1) : byteStride(output, 1)
      corner(i === 0 ? at.addend : at.output, stride)
      f.i32Const(stride)
      corner(at.output, byteStride(output, 1))
      f.i32Const(byteStride(output, 1))
      f.i32Const(i > 0 || accumulator !== undefined ? 1 : 0)
      f.localGet(at.tile).call(block)
    })
  }

  const target = context.module.addFunction(stageSignature(words.length), (f, parameters) => {
    const { words: pointers, own, first, limit } = stageParameters(parameters)
    const [leftBase, rightBase, outputBase, addendBase, ...epiloguePointers] = pointers
    const local = () => f.local('i32')
    const at = { left: local(), right: local(), output: local(), addend: local(), tile: own }
    const place = { rowStart: local(), rowCount: local(), columnStart: local(), columnCount: local() }
    const rowEnd = local()
    const entryAddress = (base: Local, segment: Local, stride: number, offset: number, to: Local): void => {
      f.localGet(base).i32Const(offset).i32Add()
      f.localGet(segment).i32Const(stride).i32Mul().i32Add().localSet(to)
    }
    const least = (value: () => void, bound: number): void => {
      const kept = local()
      value()
      f.localSet(kept)
      pushMinimum(f, kept, bound)
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
    const length = split === 'rows' ? rowTiles : columnTiles
    addSegmentLoop(f, { first, limit, length }, ({ segment, start, end }) => {
      entryAddress(leftBase, segment, left.entryBytes, left.offset, at.left)
      entryAddress(rightBase, segment, right.entryBytes, right.offset, at.right)
      entryAddress(outputBase, segment, byteStride(output, 0), 4 * output.view.offset, at.output)
      entryAddress(addendBase, segment, byteStride(addend, 0), 4 * addend.view.offset, at.addend)
      if (split === 'rows') {
        f.localGet(start).i32Const(tileRows).i32Mul().localSet(place.rowStart)
        least(() => f.localGet(end).i32Const(tileRows).i32Mul(), rows)
        f.localSet(rowEnd)
        f.i32Const(0).localSet(place.columnStart).i32Const(columns).localSet(place.columnCount)
      } else {
        f.i32Const(0).localSet(place.rowStart).i32Const(rows).localSet(rowEnd)
        f.localGet(start).i32Const(tileColumns).i32Mul().localSet(place.columnStart)
        least(() => f.localGet(end).i32Const(tileColumns).i32Mul(), columns)
        f.localGet(place.columnStart).i32Sub().localSet(place.columnCount)
      }
      overRows(segment)
    })
  })
  return { target, words, units: batch * (split === 'rows' ? rowTiles : columnTiles), waits: false }
}
