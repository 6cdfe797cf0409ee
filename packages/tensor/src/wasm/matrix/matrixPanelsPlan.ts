/**
 * The general way of a matrix product, by blocks: for each block of the depth, the right operand is packed into
 * panels, and for each block of rows the left one; then the block kernel runs. The last block of the depth makes
 * rows final, and an epilogue may be called on them while they are in cache.
 *
 * Source: Goto & van de Geijn 2008, figure 4 (column blocks, depth blocks, row blocks). Block sizes are
 * heuristics for 32 KiB and 512 KiB of first- and second-level cache; those along the depth decide the order of
 * rounding and therefore depend on the shape alone, never on the micro-kernel or the machine.
 */
import type { MicroKernel } from './matrixMicroKernel.ts'
import type { MatrixFunctions } from './matrixModule.ts'
import type { MatrixAddresses, MatrixProduct, MatrixProductPlan, RowEpilogue } from './matrixProduct.ts'

const rowBlockLimit = 128
const depthBlockLimit = 320
const columnBlockLimit = 4080

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple

/** Nearly equal blocks of at most `limit`: a tail of a few steps would cost a whole pass over C. */
const balancedBlock = (extent: number, limit: number, multiple: number): number =>
  roundUp(Math.ceil(extent / Math.max(1, Math.ceil(extent / limit))), multiple)

/** The general path: packed panels. `product` has its batch collapsed where it can be; `original` has not. */
export function planPanels(
  original: MatrixProduct,
  product: MatrixProduct,
  kernel: MicroKernel,
  functions: MatrixFunctions,
): MatrixProductPlan {
  const { batch, rows, columns, depth, left, right, output, accumulator = output } = product
  const { packLeft, packRight, panels } = functions
  const height = kernel.rows
  const width = 4 * kernel.vectors
  const rowBlock = balancedBlock(rows, rowBlockLimit, height)
  const depthBlock = balancedBlock(depth, depthBlockLimit, 8)
  const columnBlock = balancedBlock(columns, columnBlockLimit, width)
  const tileBytes = 4 * height * width
  const leftBytes = 4 * rowBlock * depthBlock
  const wholeLeft = 4 * roundUp(rows, height) * depth
  const wholeRight = 4 * roundUp(columns, width) * depth
  const leftBatches = left.batchStride === 0 ? 1 : batch
  const rightBatches = right.batchStride === 0 ? 1 : batch
  const rightBytes = 4 * depthBlock * columnBlock

  function packLeftBlock(to: number, from: number, i: number, m: number, k: number, d: number): void {
    const source = from + 4 * (i * left.rowStride + k * left.columnStride)
    packLeft(to, source, 4 * left.rowStride, 4 * left.columnStride, m, d)
  }

  function packRightBlock(to: number, from: number, j: number, n: number, k: number, d: number): void {
    const source = from + 4 * (j * right.columnStride + k * right.rowStride)
    packRight(to, source, 4 * right.columnStride, 4 * right.rowStride, n, d)
  }

  function runBatch(at: MatrixAddresses, b: number, epilogue: RowEpilogue | undefined): void {
    const leftSource = at.left + 4 * b * left.batchStride
    const rightSource = at.right + 4 * b * right.batchStride
    const to = at.output + 4 * b * output.batchStride
    const from = at.accumulator + 4 * b * accumulator.batchStride
    const leftPacked = at.packedLeft === 0 ? 0 : at.packedLeft + (leftBatches > 1 ? b * wholeLeft : 0)
    const rightPacked = at.packedRight === 0 ? 0 : at.packedRight + (rightBatches > 1 ? b * wholeRight : 0)
    const leftScratch = at.scratch + tileBytes
    const rightScratch = leftScratch + leftBytes
    for (let j = 0; j < columns; j += columnBlock) {
      const n = Math.min(columnBlock, columns - j)
      for (let k = 0; k < depth; k += depthBlock) {
        const d = Math.min(depthBlock, depth - k)
        let rightBlock = rightScratch
        if (rightPacked === 0) packRightBlock(rightScratch, rightSource, j, n, k, d)
        else rightBlock = rightPacked + 4 * (j * depth + k * roundUp(n, width))
        const first = k === 0
        const final = k + d === depth && j + n === columns
        const accumulate = !first || product.accumulator !== undefined ? 1 : 0
        const addend = (first ? from : to) + 4 * j
        const addendStride = 4 * (first ? accumulator.rowStride : output.rowStride)
        for (let i = 0; i < rows; i += rowBlock) {
          const m = Math.min(rowBlock, rows - i)
          let leftBlock = leftScratch
          if (leftPacked === 0) packLeftBlock(leftScratch, leftSource, i, m, k, d)
          else leftBlock = leftPacked + 4 * (k * roundUp(rows, height) + i * d)
          panels(
            leftBlock,
            rightBlock,
            m,
            n,
            d,
            addend + i * addendStride,
            addendStride,
            to + 4 * (i * output.rowStride + j),
            4 * output.rowStride,
            accumulate,
            at.scratch,
          )
          if (final && epilogue !== undefined) reportRows(epilogue, b, i, m)
        }
      }
    }
  }

  /** Tells the caller of final rows in its own terms, also where the batch was collapsed into the rows. */
  function reportRows(epilogue: RowEpilogue, b: number, rowStart: number, rowCount: number): void {
    if (product === original) {
      epilogue(b, rowStart, rowCount)
      return
    }
    for (let row = rowStart; row < rowStart + rowCount;) {
      const entry = Math.floor(row / original.rows)
      const end = Math.min(rowStart + rowCount, (entry + 1) * original.rows)
      epilogue(entry, row - entry * original.rows, end - row)
      row = end
    }
  }

  return {
    product: original,
    path: 'panels',
    scratchBytes: tileBytes + leftBytes + rightBytes,
    packedLeftBytes: leftBatches * wholeLeft,
    packedRightBytes: rightBatches * wholeRight,
    run(at, epilogue) {
      for (let b = 0; b < batch; b++) runBatch(at, b, epilogue)
    },
    packLeft(source, destination) {
      for (let b = 0; b < leftBatches; b++) {
        for (let k = 0; k < depth; k += depthBlock) {
          const to = destination + b * wholeLeft + 4 * k * roundUp(rows, height)
          const d = Math.min(depthBlock, depth - k)
          packLeftBlock(to, source + 4 * b * left.batchStride, 0, rows, k, d)
        }
      }
    },
    packRight(source, destination) {
      for (let b = 0; b < rightBatches; b++) {
        for (let j = 0; j < columns; j += columnBlock) {
          const n = Math.min(columnBlock, columns - j)
          for (let k = 0; k < depth; k += depthBlock) {
            const to = destination + b * wholeRight + 4 * (j * depth + k * roundUp(n, width))
            packRightBlock(to, source + 4 * b * right.batchStride, j, n, k, Math.min(depthBlock, depth - k))
          }
        }
      }
    },
  }
}
