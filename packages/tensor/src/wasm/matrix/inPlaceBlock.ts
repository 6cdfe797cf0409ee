/**
 * The block kernel of products that read an operand in place, made for one shape: sizes and strides are constants, the
 * tiles at the edges have functions of their own and no scratch tile. It takes the place of `panels` in the multiplying
 * stage, has its signature and sums in the same order, so results do not tell whether an operand was packed.
 */
import { countedLoop } from '../assembler/countedLoop.ts'
import type { FunctionIndex, Local } from '../assembler/functionBuilder.ts'
import type { ModuleBuilder } from '../assembler/moduleBuilder.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { microKernelBody, microKernelSignature } from './matrixMicroKernel.ts'
import { panelsSignature } from './matrixPanels.ts'

export interface InPlaceShape {
  /** Of the whole matrix: blocks begin at whole tiles, so that only its last tiles are cut. */
  readonly rows: number
  readonly columns: number
  readonly leftLaneBytes: number
  readonly leftStepBytes: number
  /** From step to step of the right operand, whose columns have unit stride; undefined: it is packed for the tile. */
  readonly rightStepBytes: number | undefined
}

/** Adds the block kernel. `tile` gives the size of whole tiles. */
export function addInPlaceBlock(
  module: ModuleBuilder,
  tile: MicroKernel,
  shape: InPlaceShape,
): FunctionIndex {
  const { rows, columns, leftLaneBytes, leftStepBytes, rightStepBytes } = shape
  const width = 4 * tile.vectors
  const tailRows = rows % tile.rows
  const tailColumns = columns % width
  const tileFunction = (tileRows: number, tileColumns: number): FunctionIndex => {
    const vectors = Math.ceil(tileColumns / 4)
    return module.addFunction(
      microKernelSignature,
      microKernelBody(
        { ...tile, rows: tileRows, vectors },
        {
          leftLane: leftLaneBytes,
          leftStep: leftStepBytes,
          rightStep: rightStepBytes ?? 4 * width,
          lastLanes: tileColumns - 4 * (vectors - 1),
          rightIsFilled: rightStepBytes === undefined,
        },
      ),
    )
  }
  /** The functions for tiles of so many rows: of whole width and for the last columns. */
  const functionsOf = (tileRows: number) => ({
    whole: columns >= width ? tileFunction(tileRows, width) : undefined,
    tail: tailColumns > 0 ? tileFunction(tileRows, tailColumns) : undefined,
  })
  const wholeRows = rows >= tile.rows ? functionsOf(tile.rows) : undefined
  const lastRows = tailRows > 0 ? functionsOf(tailRows) : undefined

  return module.addFunction(panelsSignature, (f, parameters) => {
    const [left, rightStart, rowCount, columnCount, depth, accumulator, accumulatorStride] = parameters
    const [output, outputStride, accumulate] = parameters.slice(7)
    const [i, j, rightTile, outputTile, accumulatorTile] = Array.from({ length: 5 }, () => f.local('i32'))
    /** One of two variants, by whether a whole tile is left. */
    const either = <Variant>(
      [count, at, size]: readonly [Local, Local, number],
      [whole, last]: readonly [Variant | undefined, Variant | undefined],
      emit: (variant: Variant) => void,
    ): void => {
      if (whole === undefined || last === undefined) {
        const only = whole ?? last
        if (only !== undefined) emit(only)
        return
      }
      f.localGet(count).localGet(at).i32Sub().i32Const(size).i32GeS()
      f.ifElse(
        () => {
          emit(whole)
        },
        () => {
          emit(last)
        },
      )
    }
    const advance = (pointer: Local, bytes: () => void): void => {
      f.localGet(pointer)
      bytes()
      f.i32Add().localSet(pointer)
    }
    countedLoop(f, { counter: i, start: 0, end: rowCount, step: tile.rows }, () => {
      f.localGet(rightStart).localSet(rightTile)
      f.localGet(output).localSet(outputTile)
      f.localGet(accumulator).localSet(accumulatorTile)
      countedLoop(f, { counter: j, start: 0, end: columnCount, step: width }, () => {
        either([rowCount, i, tile.rows], [wholeRows, lastRows], ({ whole, tail }) => {
          either([columnCount, j, width], [whole, tail], (target) => {
            f.localGet(left).localGet(rightTile).localGet(depth).localGet(accumulatorTile)
            f.localGet(accumulatorStride).localGet(outputTile).localGet(outputStride)
            f.localGet(accumulate).call(target)
          })
        })
        advance(rightTile, () => {
          if (rightStepBytes !== undefined) f.i32Const(4 * width)
          else
            f.localGet(depth)
              .i32Const(4 * width)
              .i32Mul()
        })
        advance(outputTile, () => f.i32Const(4 * width))
        advance(accumulatorTile, () => f.i32Const(4 * width))
      })
      advance(left, () => f.i32Const(tile.rows * leftLaneBytes))
      advance(output, () => f.localGet(outputStride).i32Const(tile.rows).i32Mul())
      advance(accumulator, () => f.localGet(accumulatorStride).i32Const(tile.rows).i32Mul())
    })
  })
}
