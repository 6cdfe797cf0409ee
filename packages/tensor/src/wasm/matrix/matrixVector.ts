/**
 * Matrix times vector, y = A x, for A with unit stride along its columns (`rowDots`: a dot product per row) or
 * along its rows (`columnSums`: y is a sum of scaled columns). Both read A once, in order of address, which is
 * all that counts here: packing would read and write it once more.
 *
 * x is contiguous. The order of summation depends on the shape only.
 */
import { advance } from '../assembler/advance.ts'
import { countedLoop } from '../assembler/countedLoop.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { FunctionBody, Signature } from '../assembler/moduleBuilder.ts'
import type { MultiplyAdd } from './multiplyAdd.ts'
import { addProduct } from './multiplyAdd.ts'

/** (A, stride of its rows or columns, x, y, rows, depth): y is overwritten. */
export const matrixVectorSignature: Signature = { parameters: new Array(6).fill('i32'), results: [] }

/** Vectors of x in a turn, each in a basic block of its own: see the micro-kernel. */
const vectorsPerTurn = 4

/**
 * y[i] = Σ_k A[i·stride + k] x[k]: `count` rows at once, with `sumsPerRow` vectors of sums in flight for each, which
 * take turns.
 */
function emitRowDots(
  f: FunctionBuilder,
  { count, sumsPerRow, multiplyAdd }: { count: number; sumsPerRow: number; multiplyAdd: MultiplyAdd },
  { matrix, stride, x, y, depth }: Record<'matrix' | 'stride' | 'x' | 'y' | 'depth', Local>,
): () => void {
  const rows = Array.from({ length: count }, () => f.local('i32'))
  const sums = rows.map(() => Array.from({ length: sumsPerRow }, () => f.local('v128')))
  const tails = rows.map(() => f.local('f32'))
  const vector = f.local('v128')
  const k = f.local('i32')
  const left = f.local('i32')
  const from = f.local('i32')
  return () => {
    f.localGet(matrix).localSet(rows[0])
    for (let i = 1; i < count; i++)
      f.localGet(rows[i - 1])
        .localGet(stride)
        .i32Add()
        .localSet(rows[i])
    for (const sum of sums.flat()) f.f32x4Const(0).localSet(sum)
    for (const tail of tails) f.f32Const(0).localSet(tail)
    f.localGet(x).localSet(from)
    // Vectors that are left.
    f.localGet(depth).i32Const(2).i32ShrU().localSet(left)
    f.block((exit) => {
      f.loop((again) => {
        for (let turn = 0; turn < vectorsPerTurn; turn++) {
          f.localGet(left).i32Const(turn).i32LeS().brIf(exit)
          f.localGet(from)
            .v128Load(16 * turn)
            .localSet(vector)
          rows.forEach((row, i) => {
            f.localGet(row)
              .v128Load(16 * turn)
              .localGet(vector)
            addProduct(f, multiplyAdd, sums[i][turn % sumsPerRow])
          })
        }
        for (const row of rows) advance(f, row, 16 * vectorsPerTurn)
        advance(f, from, 16 * vectorsPerTurn)
        f.localGet(left).i32Const(vectorsPerTurn).i32Sub().localSet(left)
        f.br(again)
      })
    })
    // The pointers stand where the last turn began.
    f.localGet(left).i32Const(4).i32Shl().localSet(left)
    for (const row of rows) f.localGet(row).localGet(left).i32Add().localSet(row)
    f.localGet(from).localGet(left).i32Add().localSet(from)
    f.localGet(depth).i32Const(-4).i32And().localSet(k)
    countedLoop(f, { counter: k, end: depth }, () => {
      rows.forEach((row, i) => {
        f.localGet(row)
          .f32Load()
          .localGet(from)
          .f32Load()
          .f32Mul()
          .localGet(tails[i])
          .f32Add()
          .localSet(tails[i])
        advance(f, row, 4)
      })
      advance(f, from, 4)
    })
    tails.forEach((tail, i) => {
      const [sum, ...others] = sums[i]
      for (const other of others) f.localGet(sum).localGet(other).f32x4Add().localSet(sum)
      f.localGet(y)
      f.localGet(sum).f32x4ExtractLane(0).localGet(sum).f32x4ExtractLane(2).f32Add()
      f.localGet(sum).f32x4ExtractLane(1).localGet(sum).f32x4ExtractLane(3).f32Add()
      f.f32Add()
        .localGet(tail)
        .f32Add()
        .f32Store(4 * i)
    })
  }
}

/** Unit stride along columns: four rows at a time, then one. */
export const rowDotsBody =
  (multiplyAdd: MultiplyAdd): FunctionBody =>
  (f, [matrix, stride, x, y, rows, depth]) => {
    const i = f.local('i32')
    const whole = f.local('i32')
    const places = { matrix, stride, x, y, depth }
    f.localGet(rows).i32Const(-4).i32And().localSet(whole)
    const turn = (count: number) => {
      const emit = emitRowDots(f, { count, sumsPerRow: count > 1 ? 2 : 4, multiplyAdd }, places)
      return () => {
        emit()
        f.localGet(matrix).localGet(stride).i32Const(count).i32Mul().i32Add().localSet(matrix)
        advance(f, y, 4 * count)
      }
    }
    countedLoop(f, { counter: i, start: 0, end: whole, step: 4 }, turn(4))
    f.localGet(whole).localSet(i)
    countedLoop(f, { counter: i, end: rows }, turn(1))
  }

/** y[i] += Σ_c A[i + c·stride] x[c] over `count` columns at once; `matrix` and `x` stand at the first one. */
function emitColumnSums(
  f: FunctionBuilder,
  { count, multiplyAdd }: { count: number; multiplyAdd: MultiplyAdd },
  { matrix, stride, x, y, rows }: Record<'matrix' | 'stride' | 'x' | 'y' | 'rows', Local>,
): () => void {
  const columns = Array.from({ length: count }, () => f.local('i32'))
  const scales = Array.from({ length: count }, () => f.local('v128'))
  const sum = f.local('v128')
  const i = f.local('i32')
  const whole = f.local('i32')
  const to = f.local('i32')
  return () => {
    columns.forEach((column, c) => {
      f.localGet(matrix).localGet(stride).i32Const(c).i32Mul().i32Add().localSet(column)
      f.localGet(x)
        .v128Load32Splat(4 * c)
        .localSet(scales[c])
    })
    f.localGet(y).localSet(to)
    f.localGet(rows).i32Const(-4).i32And().localSet(whole)
    countedLoop(f, { counter: i, start: 0, end: whole, step: 4 }, () => {
      f.localGet(to).v128Load().localSet(sum)
      columns.forEach((column, c) => {
        f.localGet(column).v128Load().localGet(scales[c])
        addProduct(f, multiplyAdd, sum)
      })
      f.localGet(to).localGet(sum).v128Store()
      for (const column of columns) advance(f, column, 16)
      advance(f, to, 16)
    })
    f.localGet(whole).localSet(i)
    countedLoop(f, { counter: i, end: rows }, () => {
      f.localGet(to).localGet(to).f32Load()
      columns.forEach((column, c) => {
        f.localGet(column).f32Load().localGet(scales[c]).f32x4ExtractLane(0).f32Mul().f32Add()
      })
      f.f32Store()
      for (const column of columns) advance(f, column, 4)
      advance(f, to, 4)
    })
  }
}

/** Unit stride along rows: y is zeroed, then eight columns are added at a time, then one. */
export const columnSumsBody =
  (multiplyAdd: MultiplyAdd): FunctionBody =>
  (f, [matrix, stride, x, y, rows, depth]) => {
    const c = f.local('i32')
    const whole = f.local('i32')
    const places = { matrix, stride, x, y, rows }
    f.localGet(y).i32Const(0).localGet(rows).i32Const(2).i32Shl().memoryFill()
    f.localGet(depth).i32Const(-8).i32And().localSet(whole)
    const turn = (count: number) => {
      const emit = emitColumnSums(f, { count, multiplyAdd }, places)
      return () => {
        emit()
        f.localGet(matrix).localGet(stride).i32Const(count).i32Mul().i32Add().localSet(matrix)
        advance(f, x, 4 * count)
      }
    }
    countedLoop(f, { counter: c, start: 0, end: whole, step: 8 }, turn(8))
    f.localGet(whole).localSet(c)
    countedLoop(f, { counter: c, end: depth }, turn(1))
  }
