/**
 * The innermost kernel of the matrix product: one tile of C in registers,
 *   C[MR × NR] = (acc +) Σ_k a_k b_kᵀ,   a_k and b_k being consecutive columns and rows of packed panels.
 *
 * Source: K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34(3), 2008.
 * What differs: V8 up to 12 schedules all loads of a basic block before its arithmetic and then spills, so an
 * unrolled loop has an exit test after each step, which keeps every block at one step's loads. The accumulator
 * is added after the sum, not before, so that each element is computed in the same order wherever it lies. The same body
 * serves for operands that are read in place, with other steps.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { FunctionBody, Signature } from '../assembler/moduleBuilder.ts'
import { pushLanes, storeLanes } from '../loops/laneMemory.ts'
import type { Access } from '../loops/loopCursors.ts'
import type { MultiplyAdd } from './multiplyAdd.ts'
import { addProduct } from './multiplyAdd.ts'

/** What distinguishes one micro-kernel from another. */
export interface MicroKernel {
  /** Rows of the tile; even where the left operand is packed. */
  readonly rows: number
  /** Vectors of four columns of the tile. */
  readonly vectors: number
  /** Steps along the depth in one turn of the loop. */
  readonly unroll: number
  readonly multiplyAdd: MultiplyAdd
}

/** (left panel, right panel, depth ≥ 1, accumulator, its row stride, output, its row stride, accumulate?) */
export const microKernelSignature: Signature = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  results: [],
}

/** Where a step along the depth finds its rows and columns, in bytes. */
export interface TileAddressing {
  /** From row to row of the left operand. */
  readonly leftLane: number
  readonly leftStep: number
  readonly rightStep: number
  /** Columns of the last vector that exist in C, 1 to 4. */
  readonly lastLanes: number
  /** Whether the right operand has all four columns of the last vector, if only as filling. */
  readonly rightIsFilled: boolean
}

/** Steps of whole panels. */
const packedAddressing = ({ rows, vectors }: MicroKernel): TileAddressing => ({
  leftLane: 4,
  leftStep: 4 * rows,
  rightStep: 16 * vectors,
  lastLanes: 4,
  rightIsFilled: true,
})

/** The body of the micro-kernel. Addresses and strides are in bytes. */
export const microKernelBody =
  (kernel: MicroKernel, addressing = packedAddressing(kernel)): FunctionBody =>
  (f, [left, right, depth, accumulator, accumulatorStride, output, outputStride, accumulate]) => {
    const { rows, vectors, unroll, multiplyAdd } = kernel
    const { leftLane, leftStep, rightStep, lastLanes, rightIsFilled } = addressing
    const sums = Array.from({ length: rows * vectors }, () => f.local('v128'))
    const b = Array.from({ length: vectors }, () => f.local('v128'))
    const a = f.local('v128')
    const lanesOf = (vector: number): number => (vector === vectors - 1 ? lastLanes : 4)

    const step = (index: number): void => {
      for (let j = 0; j < vectors; j++) {
        pushContiguous(f, right, index * rightStep + 16 * j, rightIsFilled ? 4 : lanesOf(j))
        f.localSet(b[j])
      }
      for (let i = 0; i < rows; i++) {
        f.localGet(left)
          .v128Load32Splat(index * leftStep + i * leftLane)
          .localSet(a)
        for (let j = 0; j < vectors; j++) {
          const sum = sums[i * vectors + j]
          f.localGet(a).localGet(b[j])
          addProduct(f, multiplyAdd, sum)
        }
      }
    }

    f.block((exit) => {
      f.loop((again) => {
        for (let index = 0; index < unroll; index++) {
          if (index > 0) f.localGet(depth).i32Const(index).i32Eq().brIf(exit)
          step(index)
        }
        f.localGet(left)
          .i32Const(unroll * leftStep)
          .i32Add()
          .localSet(left)
        f.localGet(right)
          .i32Const(unroll * rightStep)
          .i32Add()
          .localSet(right)
        f.localGet(depth).i32Const(unroll).i32Sub().localTee(depth).i32Const(0).i32GtS().brIf(again)
      })
    })

    const storeRows = (added: boolean): void => {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < vectors; j++) {
          const sum = sums[i * vectors + j]
          if (added) {
            pushContiguous(f, accumulator, 16 * j, lanesOf(j))
            f.localGet(sum).f32x4Add().localSet(sum)
          }
          storeContiguous(f, output, 16 * j, lanesOf(j), sum)
        }
        if (i === rows - 1) break
        f.localGet(output).localGet(outputStride).i32Add().localSet(output)
        if (added) f.localGet(accumulator).localGet(accumulatorStride).i32Add().localSet(accumulator)
      }
    }
    f.localGet(accumulate).ifElse(
      () => {
        storeRows(true)
      },
      () => {
        storeRows(false)
      },
    )
  }

const unitStride = (cursor: Local): Access => ({ cursor, strides: [1], offset: 0, isIndex: false })

/** The first `lanes` elements of four in a row, at a distance in bytes from the cursor. */
function pushContiguous(f: FunctionBuilder, cursor: Local, bytes: number, lanes: number): void {
  pushLanes(f, unitStride(cursor), 0, bytes / 4, lanes)
}

function storeContiguous(
  f: FunctionBuilder,
  cursor: Local,
  bytes: number,
  lanes: number,
  value: Local,
): void {
  storeLanes(f, unitStride(cursor), 0, bytes / 4, lanes, value)
}
