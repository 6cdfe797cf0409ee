/**
 * C = (acc +) A·B by blocks: for each block of the depth, the right operand is packed into panels, and for each
 * block of rows the left one; then the block kernel runs. The last block of the depth makes rows final, and an
 * epilogue may be called on them while they are in cache.
 *
 * Source: Goto & van de Geijn 2008, figure 4 (column blocks, depth blocks, row blocks). Block sizes are
 * heuristics for 32 KiB and 512 KiB of first- and second-level cache; those along the depth decide the order of
 * rounding and therefore depend on the shape alone, never on the micro-kernel or the machine.
 */
import { ArgumentError } from '../errors.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import type { MatrixFunctions } from './matrixModule.ts'

/** Where the elements of one operand lie: strides in elements, any value (0 repeats). */
export interface MatrixLayout {
  readonly rowStride: number
  readonly columnStride: number
  readonly batchStride: number
}

/** Everything about a product but the addresses: made once when a program is compiled. */
export interface MatrixProduct {
  readonly batch: number
  readonly rows: number
  readonly columns: number
  readonly depth: number
  /** rows × depth */
  readonly left: MatrixLayout
  /** depth × columns */
  readonly right: MatrixLayout
  /** rows × columns; its columns have unit stride unless the product is a single column. */
  readonly output: MatrixLayout
  /** rows × columns, columns with unit stride: what the product is added to; may be the output itself. */
  readonly accumulator?: MatrixLayout
}

/** Byte addresses of one run. */
export interface MatrixAddresses {
  left: number
  right: number
  output: number
  accumulator: number
  /** At least `scratchBytes` of the plan, 16-byte aligned. */
  scratch: number
  /** Address of panels made by `packLeft`, or 0: then `left` is packed on the way. */
  packedLeft: number
  /** Address of panels made by `packRight`, or 0. */
  packedRight: number
}

/** Called when rows [rowStart, rowStart + rowCount) of a batch entry are final, all their columns included. */
export type RowEpilogue = (batch: number, rowStart: number, rowCount: number) => void

export interface MatrixProductPlan {
  readonly product: MatrixProduct
  readonly path: 'empty' | 'rowDots' | 'columnSums' | 'panels'
  readonly scratchBytes: number
  /** Bytes that `packLeft` and `packRight` write. */
  readonly packedLeftBytes: number
  readonly packedRightBytes: number
  run(addresses: MatrixAddresses, epilogue?: RowEpilogue): void
  /** Packs the whole left operand once, for `packedLeft` of many runs. Only for the path `panels`. */
  packLeft(source: number, destination: number): void
  packRight(source: number, destination: number): void
}

const rowBlockLimit = 128
const depthBlockLimit = 320
const columnBlockLimit = 4080

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple

/** Nearly equal blocks of at most `limit`: a tail of a few steps would cost a whole pass over C. */
const balancedBlock = (extent: number, limit: number, multiple: number): number =>
  roundUp(Math.ceil(extent / Math.max(1, Math.ceil(extent / limit))), multiple)

/** Consecutive matrices that share the right operand are one taller matrix. */
function collapseBatch(product: MatrixProduct): MatrixProduct {
  const { batch, rows, left, right, output, accumulator } = product
  const stacked = (layout: MatrixLayout | undefined) =>
    layout === undefined || layout.batchStride === rows * layout.rowStride
  if (batch <= 1 || right.batchStride !== 0) return product
  if (!stacked(left) || !stacked(output) || !stacked(accumulator)) return product
  return { ...product, batch: 1, rows: batch * rows }
}

/** A single row of output is a single column of the transposed product. */
function transposed(product: MatrixProduct): MatrixProduct {
  const turn = (layout: MatrixLayout): MatrixLayout => ({
    rowStride: layout.columnStride,
    columnStride: layout.rowStride,
    batchStride: layout.batchStride,
  })
  const { left, right, output, accumulator } = product
  return {
    ...product,
    rows: product.columns,
    columns: product.rows,
    left: turn(right),
    right: turn(left),
    output: turn(output),
    ...(accumulator === undefined ? {} : { accumulator: turn(accumulator) }),
  }
}

/**
 * Plans a product for a module instantiated with `kernel`.
 * @throws {ArgumentError} if the output or accumulator has no unit stride along its columns.
 */
export function planMatrixProduct(
  product: MatrixProduct,
  kernel: MicroKernel,
  functions: MatrixFunctions,
): MatrixProductPlan {
  for (const layout of [product.output, product.accumulator ?? product.output]) {
    if (layout.columnStride === 1 || product.columns <= 1) continue
    throw new ArgumentError({
      operation: 'matrixProduct',
      rule: 'output and accumulator must have unit stride along their columns',
      found: `column stride ${layout.columnStride}`,
    })
  }
  const { batch, rows, columns, depth } = product
  if (batch === 0 || rows === 0 || columns === 0 || depth === 0) return planEmpty(product, functions)
  const vector = columns === 1 ? product : rows === 1 ? transposed(product) : undefined
  if (vector !== undefined && (vector.left.columnStride === 1 || vector.left.rowStride === 1)) {
    return planVector(product, vector, functions)
  }
  return planPanels(product, collapseBatch(product), kernel, functions)
}

const notPacked = (): void => {
  throw new ArgumentError({
    operation: 'matrixProduct',
    rule: 'only the path "panels" takes packed operands',
  })
}

const unpacked = { packedLeftBytes: 0, packedRightBytes: 0, packLeft: notPacked, packRight: notPacked }

/** No terms to add: the accumulator, or zeros. */
function planEmpty(product: MatrixProduct, { merge, clear }: MatrixFunctions): MatrixProductPlan {
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
function planVector(
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

/** The general path: packed panels. `product` has its batch collapsed where it can be; `original` has not. */
function planPanels(
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
