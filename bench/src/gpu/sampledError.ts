/**
 * The error of a product of square matrices on a sample of its elements, computed in float64 from the float32 operands:
 * enough to tell float16 from float32 and right from wrong, without n³ work on the host.
 */
export interface SquareProduct {
  readonly a: ArrayLike<number>
  readonly b: ArrayLike<number>
  readonly n: number
  /** Whether the first and the second matrix are taken transposed. */
  readonly left: boolean
  readonly right: boolean
}

const sampledRows = 16
const sampledColumns = 64

/** max |found − exact| / max |exact| over the sample. */
export function sampledError({ a, b, n, left, right }: SquareProduct, found: ArrayLike<number>): number {
  let scale = 0
  let error = 0
  for (let r = 0; r < Math.min(n, sampledRows); r++) {
    // Steps that share no factor with a power of two visit the whole matrix.
    const row = (r * 1237) % n
    for (let c = 0; c < Math.min(n, sampledColumns); c++) {
      const column = (c * 419 + r) % n
      let exact = 0
      for (let k = 0; k < n; k++) {
        exact += a[left ? k * n + row : row * n + k] * b[right ? column * n + k : k * n + column]
      }
      scale = Math.max(scale, Math.abs(exact))
      error = Math.max(error, Math.abs(found[row * n + column] - exact))
    }
  }
  return scale === 0 ? error : error / scale
}
