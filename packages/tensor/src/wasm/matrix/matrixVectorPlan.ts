/**
 * The ways of a matrix product that need no packing: no terms at all, and a single row or column. The latter
 * read the matrix once, where it lies; strides that their kernels do not know are smoothed by copying vectors.
 */
import { ArgumentError } from '../../errors.ts'
import type { MatrixFunctions } from './matrixModule.ts'
import type { MatrixProduct, MatrixProductPlan } from './matrixProduct.ts'

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple

const notPacked = (): void => {
  throw new ArgumentError({
    operation: 'matrixProduct',
    rule: 'only the path "panels" takes packed operands',
  })
}

const unpacked = { packedLeftBytes: 0, packedRightBytes: 0, packLeft: notPacked, packRight: notPacked }

/** No terms to add: the accumulator, or zeros. */
export function planEmpty(product: MatrixProduct, { merge, clear }: MatrixFunctions): MatrixProductPlan {
  const { batch, rows, columns, output, accumulator = output } = product
  const accumulate = product.accumulator === undefined ? 0 : 1
  return {
    product,
    path: 'empty',
    scratchBytes: 4 * columns,
    ...unpacked,
    run(at, epilogue) {
      if (rows === 0 || columns === 0) return
      clear(at.scratch, 4 * columns)
      for (let b = 0; b < batch; b++) {
        const to = at.output + 4 * b * output.batchStride
        const from = at.accumulator + 4 * b * accumulator.batchStride
        merge(
          at.scratch,
          0,
          rows,
          columns,
          from,
          4 * accumulator.rowStride,
          to,
          4 * output.rowStride,
          accumulate,
        )
        epilogue?.(b, 0, rows)
      }
    },
  }
}

/** `vector` is the product with a single column; it is `product` itself or its transpose. */
export function planVector(
  product: MatrixProduct,
  vector: MatrixProduct,
  functions: MatrixFunctions,
): MatrixProductPlan {
  const { batch, rows, depth, left, right, output, accumulator = output } = vector
  const accumulate = product.accumulator === undefined ? 0 : 1
  const path = left.columnStride === 1 ? 'rowDots' : 'columnSums'
  const multiply = functions[path]
  const matrixStride = 4 * (path === 'rowDots' ? left.rowStride : left.columnStride)
  const gatherRight = right.rowStride !== 1
  const direct = accumulate === 0 && output.rowStride === 1
  const { merge } = functions
  return {
    product,
    path,
    scratchBytes: roundUp(4 * rows, 16) + 4 * depth,
    ...unpacked,
    run(at, epilogue) {
      const matrix = vector === product ? at.left : at.right
      const vectorAddress = vector === product ? at.right : at.left
      for (let b = 0; b < batch; b++) {
        let x = vectorAddress + 4 * b * right.batchStride
        if (gatherRight) {
          const contiguous = at.scratch + roundUp(4 * rows, 16)
          merge(x, 4 * right.rowStride, depth, 1, 0, 0, contiguous, 4, 0)
          x = contiguous
        }
        const to = at.output + 4 * b * output.batchStride
        const sums = direct ? to : at.scratch
        multiply(matrix + 4 * b * left.batchStride, matrixStride, x, sums, rows, depth)
        if (!direct) {
          const from = at.accumulator + 4 * b * accumulator.batchStride
          merge(sums, 4, rows, 1, from, 4 * accumulator.rowStride, to, 4 * output.rowStride, accumulate)
        }
        epilogue?.(b, 0, product.rows)
      }
    },
  }
}
