/**
 * The small matrices of the L-BFGS inverse, on the host in float64, from the inner products of its pairs:
 *
 *   R_ij = s_i·y_j for i ≤ j (else 0),   D = diag(R),   T = R⁻¹,   γ = s_m·y_m / y_m·y_m.
 *
 * Guard: a pair is dropped unless s·y > ε ‖s‖ ‖y‖. For semi-definite G and λ > 0 only rounding, a true Hessian or
 * mixed batches can violate it (Morales & Nocedal 2000; ε is the implementers' choice).
 *
 * The inverse may be formed, for it is small: scaled to R̂ = D^−½ R D^−½ it satisfies ‖R̂⁻¹‖₂ ≤ 2 for pairs y = A s of
 * one positive semi-definite A, however conjugacy was lost. For K_ij = s_i·As_j / √(D_i D_j) is semi-definite with a
 * diagonal of ones, and K = R̂ + R̂ᵀ − I, so x·R̂x = ½ x·(K + I)x ≥ ½ x·x.
 */

export interface PairFactors {
  /** Numbers of the pairs that the guard lets pass, in order. */
  readonly kept: readonly number[]
  /** T of those pairs, row after row. */
  readonly inverse: Float64Array
  /** The diagonal of D. */
  readonly diagonal: Float64Array
  /** 1 without pairs. */
  readonly gamma: number
}

/** T = R⁻¹ of an upper triangular R with a positive diagonal, row after row, by back substitution column by column. */
export function invertUpper(r: Float64Array, m: number): Float64Array {
  const inverse = new Float64Array(m * m)
  for (let column = 0; column < m; column++) {
    for (let row = column; row >= 0; row--) {
      let sum = row === column ? 1 : 0
      for (let k = row + 1; k <= column; k++) sum -= r[row * m + k] * inverse[k * m + column]
      inverse[row * m + column] = sum / r[row * m + row]
    }
  }
  return inverse
}

/**
 * @param products of all pairs, as `pairProducts` returns them.
 * @param count m. @param guard ε.
 */
export function pairFactors(products: ArrayLike<number>, count: number, guard: number): PairFactors {
  const sy = (i: number, j: number): number => products[i * count + j]
  const ss = (i: number): number => products[count * count + i]
  const yy = (i: number): number => products[count * count + count + i]
  const passes = (i: number): boolean =>
    sy(i, i) > guard * Math.sqrt(ss(i)) * Math.sqrt(yy(i)) && Number.isFinite(Math.fround(1 / sy(i, i)))
  const kept = Array.from({ length: count }, (_, i) => i).filter(passes)
  const m = kept.length
  const r = Float64Array.from({ length: m * m }, (_, at) => {
    const [i, j] = [Math.floor(at / m), at % m]
    return i <= j ? sy(kept[i], kept[j]) : 0
  })
  const newest = kept.at(-1)
  return {
    kept,
    inverse: invertUpper(r, m),
    diagonal: Float64Array.from(kept, (i) => sy(i, i)),
    gamma: newest === undefined ? 1 : sy(newest, newest) / yy(newest),
  }
}
