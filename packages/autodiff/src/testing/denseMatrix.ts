/**
 * Small dense matrices as lists of columns, and how a linear map becomes one: column j is its value at the unit
 * vector e_j. The oracle side of the checks: plain loops in float64.
 */
import { inner } from './agreement.ts'

/** Columns, each of the same length. */
export type DenseMatrix = readonly (readonly number[])[]

/** The matrix of a linear map from `columns` dimensions. */
export const matrixOf = (map: (unit: readonly number[]) => readonly number[], columns: number): DenseMatrix =>
  Array.from({ length: columns }, (_, j) =>
    map(Array.from({ length: columns }, (_unused, i) => (i === j ? 1 : 0))),
  )

/** A x. */
export function times(matrix: DenseMatrix, x: readonly number[]): number[] {
  const rows = matrix.length === 0 ? 0 : matrix[0].length
  const result = new Array<number>(rows).fill(0)
  matrix.forEach((column, j) => column.forEach((entry, i) => (result[i] += entry * x[j])))
  return result
}

/** Aᵀ y. */
export const transposeTimes = (matrix: DenseMatrix, y: readonly number[]): number[] =>
  matrix.map((column) => inner(column, y))

/** |A|, element by element: what was added up, before signs cancelled. */
export const magnitudes = (matrix: DenseMatrix): DenseMatrix => matrix.map((column) => column.map(Math.abs))

/** All elements, column after column. */
export const elements = (matrix: DenseMatrix): number[] => matrix.flat()
