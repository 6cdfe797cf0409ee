/**
 * C = (acc +) A·B for operands of any size and strides, planned once and run many times: what a product is, and
 * which way it takes. The general way packs both operands (`matrixPanelsPlan.ts`); matrix times vector and
 * products without terms have ways of their own (`matrixVectorPlan.ts`).
 */
import { ArgumentError } from '../../errors.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import type { MatrixFunctions } from './matrixModule.ts'
import { planPanels } from './matrixPanelsPlan.ts'
import { planEmpty, planVector } from './matrixVectorPlan.ts'

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
