/**
 * Central differences, the oracle that knows nothing of differentiation rules:
 *   f′(x) v ≈ (f(x + h v) − f(x − h v)) / 2h,   error h²/6 · f‴ + ε |f| / h,   least near h = ε^{1/3} ≈ 1e-5.
 * Where f has a kink within reach of h two steps disagree; such points say nothing about a derivative.
 */
import { norm, plus } from './agreement.ts'

const step = 1e-5

/** Relative accuracy to trust of a difference of a smooth function with values of order one (heuristic). */
export const differenceTolerance = 1e-6

/** What rounding may contribute to a difference, as a fraction of |f|, in units of the tolerance (heuristic). */
const roundingFloor = 1e-4

export interface Difference {
  readonly derivative: readonly number[]
  /** Compare with errors relative to this. */
  readonly scale: number
  /** False if f has no derivative here that differences can see. */
  readonly isSmooth: boolean
}

/** The derivative of `f` at x along v. */
export function centralDifference(
  f: (x: readonly number[]) => readonly number[],
  x: readonly number[],
  v: readonly number[],
): Difference {
  const along = (h: number): number[] => {
    const up = f(plus(x, h, v))
    const down = f(plus(x, -h, v))
    return up.map((value, i) => (value - down[i]) / (2 * h))
  }
  const derivative = along(step)
  const finer = along(step / 4)
  const scale = Math.max(norm(derivative), norm(finer), roundingFloor * norm(f(x)))
  return { derivative, scale, isSmooth: norm(plus(derivative, -1, finer)) <= differenceTolerance * scale }
}
