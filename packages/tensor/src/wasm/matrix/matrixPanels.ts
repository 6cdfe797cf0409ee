/**
 * The block kernel of the matrix product: packed left block × packed right block → a block of C, tile by tile,
 * and the merging of tiles that stick out over the edge of C.
 *
 * Loop order: a right panel (depth × NR, in the first-level cache) meets all left panels (in the second-level
 * cache) before the next one. Edge tiles are computed whole, into a scratch tile, and their valid part is
 * copied, so that the micro-kernel has no masks.
 *
 * Source: Goto & van de Geijn 2008, section 4.3 (GEBP).
 */
import { countedLoop } from '../assembler/countedLoop.ts'
import type { FunctionIndex } from '../assembler/functionBuilder.ts'
import { pushMinimum } from '../assembler/minimum.ts'
import type { FunctionBody, Signature } from '../assembler/moduleBuilder.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'

/**
 * (left block, right block, rows, columns, depth ≥ 1, accumulator, its row stride, output, its row stride,
 * accumulate?, scratch tile): addresses and strides in bytes.
 */
export const panelsSignature: Signature = { parameters: new Array(11).fill('i32'), results: [] }

/** (tile, its row stride, rows, columns, accumulator, its row stride, output, its row stride, accumulate?) */
export const mergeSignature: Signature = { parameters: new Array(9).fill('i32'), results: [] }

/** output[i][j] = tile[i][j] (+ accumulator[i][j]) for i < rows, j < columns; one element at a time. */
export const mergeBody: FunctionBody = (f, parameters) => {
  const [tile, tileStride, rows, columns, accumulator, accumulatorStride, output, outputStride, accumulate] =
    parameters
  const i = f.local('i32')
  const j = f.local('i32')
  const offset = f.local('i32')
  countedLoop(f, { counter: i, start: 0, end: rows }, () => {
    countedLoop(f, { counter: j, start: 0, end: columns }, () => {
      f.localGet(j).i32Const(2).i32Shl().localSet(offset)
      f.localGet(output).localGet(offset).i32Add()
      f.localGet(tile).localGet(offset).i32Add().f32Load()
      f.localGet(accumulate)
      f.ifElse(
        () => f.localGet(accumulator).localGet(offset).i32Add().f32Load(),
        () => f.f32Const(-0),
        'f32',
      )
      f.f32Add().f32Store()
    })
    f.localGet(tile).localGet(tileStride).i32Add().localSet(tile)
    f.localGet(output).localGet(outputStride).i32Add().localSet(output)
    f.localGet(accumulator).localGet(accumulatorStride).i32Add().localSet(accumulator)
  })
}

/** The loops over the tiles of a block. */
export const panelsBody =
  (kernel: MicroKernel, microKernel: FunctionIndex, merge: FunctionIndex): FunctionBody =>
  (f, parameters) => {
    const [left, right, rows, columns, depth, accumulator, accumulatorStride] = parameters
    const [output, outputStride, accumulate, tile] = parameters.slice(7)
    const width = 4 * kernel.vectors
    const i = f.local('i32')
    const j = f.local('i32')
    const leftPanel = f.local('i32')
    const outputTile = f.local('i32')
    const accumulatorTile = f.local('i32')
    const rowsLeft = f.local('i32')
    const columnsLeft = f.local('i32')
    countedLoop(f, { counter: j, start: 0, end: columns, step: width }, () => {
      f.localGet(columns).localGet(j).i32Sub().localSet(columnsLeft)
      f.localGet(left).localSet(leftPanel)
      f.localGet(output).localGet(j).i32Const(2).i32Shl().i32Add().localSet(outputTile)
      f.localGet(accumulator).localGet(j).i32Const(2).i32Shl().i32Add().localSet(accumulatorTile)
      countedLoop(f, { counter: i, start: 0, end: rows, step: kernel.rows }, () => {
        f.localGet(rows).localGet(i).i32Sub().localSet(rowsLeft)
        f.localGet(rowsLeft).i32Const(kernel.rows).i32GeS()
        f.localGet(columnsLeft).i32Const(width).i32GeS().i32And()
        f.ifElse(
          () => {
            f.localGet(leftPanel).localGet(right).localGet(depth)
            f.localGet(accumulatorTile).localGet(accumulatorStride)
            f.localGet(outputTile).localGet(outputStride).localGet(accumulate).call(microKernel)
          },
          () => {
            f.localGet(leftPanel).localGet(right).localGet(depth).i32Const(0).i32Const(0)
            f.localGet(tile)
              .i32Const(4 * width)
              .i32Const(0)
              .call(microKernel)
            f.localGet(tile).i32Const(4 * width)
            pushMinimum(f, rowsLeft, kernel.rows)
            pushMinimum(f, columnsLeft, width)
            f.localGet(accumulatorTile).localGet(accumulatorStride)
            f.localGet(outputTile).localGet(outputStride).localGet(accumulate).call(merge)
          },
        )
        f.localGet(leftPanel)
          .localGet(depth)
          .i32Const(4 * kernel.rows)
          .i32Mul()
          .i32Add()
          .localSet(leftPanel)
        f.localGet(outputTile)
          .localGet(outputStride)
          .i32Const(kernel.rows)
          .i32Mul()
          .i32Add()
          .localSet(outputTile)
        f.localGet(accumulatorTile)
          .localGet(accumulatorStride)
          .i32Const(kernel.rows)
          .i32Mul()
          .i32Add()
          .localSet(accumulatorTile)
      })
      f.localGet(right)
        .localGet(depth)
        .i32Const(4 * width)
        .i32Mul()
        .i32Add()
        .localSet(right)
    })
  }
