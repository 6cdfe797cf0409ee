/**
 * Float32 products against float64: problems, errors, and the bounds of the generators' comments
 * (subgroupMatrixProduct.ts, splitHalvesProduct.ts) as numbers.
 */

/** Row-major lhs [rows, depth] and rhs [depth, columns]. */
export interface ProductProblem {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly lhs: Float32Array<ArrayBuffer>
  readonly rhs: Float32Array<ArrayBuffer>
}

/** Numbers of a 32-bit linear congruential generator, in [0, 1). */
function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Between −1 and 1. */
export function uniform(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = randomNumbers(seed)
  return Float32Array.from({ length: count }, () => 2 * random() - 1)
}

/**
 * Rows (or columns) between 2^-40 and 2^40, and elements of each up to 2^-40 times smaller than its largest, a tenth of
 * them zero.
 */
export function badlyScaled(
  rows: number,
  columns: number,
  seed: number,
  by: 'row' | 'column',
): Float32Array<ArrayBuffer> {
  const random = randomNumbers(seed)
  const scales = Array.from({ length: by === 'row' ? rows : columns }, () => 80 * random() - 40)
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const scale = scales[by === 'row' ? Math.floor(i / columns) : i % columns]
    const exponent = scale - 40 * random() ** 2
    return random() < 0.1 ? 0 : (2 * random() - 1) * 2 ** exponent
  })
}

export interface ProductErrors {
  /** The largest error as a share of Σ|a·b| of its element. */
  readonly error: number
  /** The largest error as a share of its bound. */
  readonly shareOfBound: number
}

/** Exact products of float32 numbers, summed in float64: of elements, and of their magnitudes. */
function exactProduct({ rows, columns, depth, lhs, rhs }: ProductProblem): {
  readonly product: Float64Array
  readonly magnitude: Float64Array
} {
  const product = new Float64Array(rows * columns)
  const magnitude = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < depth; k++) {
      const left = lhs[i * depth + k]
      for (let j = 0; j < columns; j++) {
        const term = left * rhs[k * columns + j]
        product[i * columns + j] += term
        magnitude[i * columns + j] += Math.abs(term)
      }
    }
  }
  return { product, magnitude }
}

/** What a bound is made of, for one element of the result. */
export interface ErrorScales {
  /** Σ_k |a_ik b_kj|. */
  readonly magnitude: number
  /** max_k |a_ik| Σ_k |b_kj| + max_k |b_kj| Σ_k |a_ik|. */
  readonly largest: number
}

/** Largest magnitude and sum of magnitudes of a row or column. */
function line(values: Float32Array, start: number, step: number, count: number): [number, number] {
  let largest = 0
  let sum = 0
  for (let k = 0; k < count; k++) {
    const magnitude = Math.abs(values[start + k * step])
    largest = Math.max(largest, magnitude)
    sum += magnitude
  }
  return [largest, sum]
}

export function errorsOf(
  problem: ProductProblem,
  found: Float32Array,
  bound: (scales: ErrorScales) => number,
): ProductErrors {
  const { rows, columns, depth, lhs, rhs } = problem
  const { product, magnitude } = exactProduct(problem)
  const left = Array.from({ length: rows }, (_, i) => line(lhs, i * depth, 1, depth))
  const right = Array.from({ length: columns }, (_, j) => line(rhs, j, columns, depth))
  let [error, shareOfBound] = [0, 0]
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j
      const difference = Number.isNaN(found[at]) ? Infinity : Math.abs(found[at] - product[at])
      const largest = left[i][0] * right[j][1] + right[j][0] * left[i][1]
      if (difference === 0) continue
      error = Math.max(error, difference / magnitude[at])
      shareOfBound = Math.max(shareOfBound, difference / bound({ magnitude: magnitude[at], largest }))
    }
  }
  return { error, shareOfBound }
}

/** A sum of float32 products: depth · u · Σ|a·b|. @param unit 2^-24 where sums are rounded, 2^-23 where truncated. */
export const float32Bound =
  ({ depth }: { readonly depth: number }, unit = 2 ** -24) =>
  ({ magnitude }: ErrorScales): number =>
    (depth + 1) * unit * magnitude

/** The bound in splitHalvesProduct.ts, for one slice. */
export const splitHalvesBound =
  ({ depth }: { readonly depth: number }, staged: boolean, unit = 2 ** -24) =>
  ({ magnitude, largest }: ErrorScales): number => {
    const sums = (staged ? 3 : 1 + 2 ** -10) * depth + 1
    return (2 ** -21 + 2 ** -33 + sums * unit) * magnitude + 2 ** -38 * largest
  }
