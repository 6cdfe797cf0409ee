/**
 * Linear systems for tests of the solvers, with oracles that share no code with them: matrices are arrays of rows,
 * products and solutions are plain loops in double precision.
 */
import { tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import type { LinearOperator } from '../conjugateGradientRun.ts'

export type Matrix = readonly (readonly number[])[]
export type Vector = ArrayLike<number>

/** mulberry32: uniform numbers in [0, 1) from a seed. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Standard normal numbers (Box-Muller). */
export function normals(seed: number): () => number {
  const uniform = uniforms(seed)
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
export const randomVector = (n: number, draw: () => number): number[] => range(n).map(draw)

export const innerProduct = (a: Vector, b: Vector): number =>
  range(a.length).reduce((sum, i) => sum + a[i] * b[i], 0)
export const norm = (a: Vector): number => Math.sqrt(innerProduct(a, a))
export const matrixVector = (a: Matrix, v: Vector): number[] => a.map((row) => innerProduct(row, v))

/** ½ x·Ax − b·x. */
export const quadratic = (a: Matrix, b: Vector, x: Vector): number =>
  0.5 * innerProduct(x, matrixVector(a, x)) - innerProduct(b, x)

export const diagonalMatrix = (d: Vector): Matrix =>
  range(d.length).map((i) => range(d.length).map((j) => (i === j ? d[i] : 0)))
export const addDiagonal = (a: Matrix, value: number): Matrix =>
  a.map((row, i) => row.map((x, j) => (i === j ? x + value : x)))

/** R Rᵀ + shift I with R uniform in ±½. */
export function randomSpd(n: number, seed: number, shift = 1e-3): Matrix {
  const uniform = uniforms(seed)
  const r = range(n).map(() => randomVector(n, () => uniform() - 0.5))
  return addDiagonal(
    r.map((row) => r.map((other) => innerProduct(row, other))),
    shift,
  )
}

/** Average of `cases` outer products of Gaussian vectors with the given standard deviations, in a fixed random basis. */
export function sampledCovariance(
  deviations: Vector,
  cases: number,
  seed: number,
  basisSeed: number,
): Matrix {
  const n = deviations.length
  const draw = normals(seed)
  const basis = range(4).map((k) => {
    const v = randomVector(n, normals(basisSeed + k))
    const length = norm(v)
    return v.map((x) => x / length)
  })
  const sum = range(n).map(() => new Array<number>(n).fill(0))
  for (let c = 0; c < cases; c++) {
    let x = range(n).map((i) => deviations[i] * draw())
    for (const v of basis) {
      const projection = 2 * innerProduct(v, x)
      x = x.map((xi, i) => xi - projection * v[i])
    }
    for (let i = 0; i < n; i++) {
      const row = sum[i]
      for (let j = 0; j < n; j++) row[j] += (x[i] * x[j]) / cases
    }
  }
  return sum
}

/** The solution of A x = b by elimination with row pivoting. */
export function solve(a: Matrix, b: Vector): number[] {
  const n = a.length
  const rows = a.map((row, i) => [...row, b[i]])
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let i = column + 1; i < n; i++) {
      if (Math.abs(rows[i][column]) > Math.abs(rows[pivot][column])) pivot = i
    }
    ;[rows[column], rows[pivot]] = [rows[pivot], rows[column]]
    for (let i = column + 1; i < n; i++) {
      const factor = rows[i][column] / rows[column][column]
      for (let j = column; j <= n; j++) rows[i][j] -= factor * rows[column][j]
    }
  }
  const x = new Array<number>(n).fill(0)
  for (let i = n - 1; i >= 0; i--) {
    const known = range(n - 1 - i).reduce((sum, k) => sum + rows[i][i + 1 + k] * x[i + 1 + k], 0)
    x[i] = (rows[i][n] - known) / rows[i][i]
  }
  return x
}

/** −x'' on a line: tridiagonal (−1, 2, −1). */
export const poisson1d = (v: Vector): number[] =>
  range(v.length).map((i) => 2 * v[i] - (i > 0 ? v[i - 1] : 0) - (i < v.length - 1 ? v[i + 1] : 0))

/** The five-point Laplacian on a square. */
export function poisson2d(v: Vector): number[] {
  const side = Math.round(Math.sqrt(v.length))
  return range(v.length).map((i) => {
    const [row, column] = [Math.floor(i / side), i % side]
    const neighbours =
      (row > 0 ? v[i - side] : 0) +
      (row < side - 1 ? v[i + side] : 0) +
      (column > 0 ? v[i - 1] : 0) +
      (column < side - 1 ? v[i + 1] : 0)
    return 4 * v[i] - neighbours
  })
}

export const vector = (values: Vector, backend: Backend): Tensor =>
  tensor(Float64Array.from(values), { backend, dtype: 'float64' })
export const values = (x: Tensor): number[] => [...x.readSync()]

/** A host function as an operator on tensors. */
export const hostOperator =
  (apply: (v: Vector) => Vector): LinearOperator =>
  (v) =>
    tensor(Float64Array.from(apply(v.readSync())), { backend: v.backend, dtype: v.dtype })

export const matrixOperator = (a: Matrix): LinearOperator => hostOperator((v) => matrixVector(a, v))
