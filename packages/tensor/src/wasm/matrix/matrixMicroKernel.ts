/**
 * The innermost kernel of the matrix product: one tile of C in registers,
 *   C[MR × NR] = (acc +) Σ_k a_k b_kᵀ,   a_k and b_k being consecutive columns and rows of packed panels.
 *
 * Source: K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34(3), 2008.
 * What differs: V8 up to 12 schedules all loads of a basic block before its arithmetic and then spills, so an
 * unrolled loop has an exit test after each step, which keeps every block at one step's loads. The accumulator
 * is added after the sum, not before, so that each element is computed in the same order wherever it lies.
 */
import type { FunctionBody, Signature } from '../assembler/moduleBuilder.ts'

/** What distinguishes one micro-kernel from another. */
export interface MicroKernel {
  /** Rows of the tile, even. */
  readonly rows: number
  /** Vectors of four columns of the tile. */
  readonly vectors: number
  /** Steps along the depth in one turn of the loop. */
  readonly unroll: number
  /** Multiply-add by `f32x4.relaxed_madd` (rounds once where the machine can) or by two instructions. */
  readonly multiplyAdd: 'relaxed' | 'separate'
}

/** (left panel, right panel, depth ≥ 1, accumulator, its row stride, output, its row stride, accumulate?) */
export const microKernelSignature: Signature = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  results: [],
}

/** The body of the micro-kernel. Addresses and strides are in bytes. */
export const microKernelBody =
  ({ rows, vectors, unroll, multiplyAdd }: MicroKernel): FunctionBody =>
  (f, [left, right, depth, accumulator, accumulatorStride, output, outputStride, accumulate]) => {
    const sums = Array.from({ length: rows * vectors }, () => f.local('v128'))
    const b = Array.from({ length: vectors }, () => f.local('v128'))
    const a = f.local('v128')

    const step = (index: number): void => {
      for (let j = 0; j < vectors; j++) {
        f.localGet(right)
          .v128Load(16 * (index * vectors + j))
          .localSet(b[j])
      }
      for (let i = 0; i < rows; i++) {
        f.localGet(left)
          .v128Load32Splat(4 * (index * rows + i))
          .localSet(a)
        for (let j = 0; j < vectors; j++) {
          const sum = sums[i * vectors + j]
          f.localGet(a).localGet(b[j])
          if (multiplyAdd === 'relaxed') f.localGet(sum).f32x4RelaxedMadd()
          else f.f32x4Mul().localGet(sum).f32x4Add()
          f.localSet(sum)
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
          .i32Const(4 * unroll * rows)
          .i32Add()
          .localSet(left)
        f.localGet(right)
          .i32Const(16 * unroll * vectors)
          .i32Add()
          .localSet(right)
        f.localGet(depth).i32Const(unroll).i32Sub().localTee(depth).i32Const(0).i32GtS().brIf(again)
      })
    })

    const storeRows = (added: boolean): void => {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < vectors; j++) {
          f.localGet(output).localGet(sums[i * vectors + j])
          if (added) {
            f.localGet(accumulator)
              .v128Load(16 * j)
              .f32x4Add()
          }
          f.v128Store(16 * j)
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
