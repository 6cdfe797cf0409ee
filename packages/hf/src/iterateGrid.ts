/**
 * Which iterates of conjugate gradients are kept for backtracking: Martens' geometric grid
 *   ⌈5 · 1.3ʲ⌉ = 5, 7, 9, 11, 15, 19, 25, 32, 41, 54, 69, 90, 117, 152, 197, …
 * Source: Martens' code; his paper (2010, §4.6) starts the grid at 1. The last iterate is kept in any case. It
 * differs from the code in one harmless point: a last iterate on the grid is kept once, not twice.
 */
import { ArgumentError } from '@hessian-free/tensor'

/** Decides which iterations, counted from 1, are kept. */
export interface IterateSelection {
  readonly name: string
  keeps(iteration: number): boolean
}

export interface IterateGridOptions {
  /** First grid point; default 5. */
  readonly start?: number
  /** Ratio of successive points before rounding up; default 1.3. */
  readonly ratio?: number
}

/** ⌈start · ratioʲ⌉. @throws {ArgumentError} unless start ≥ 1 and ratio > 1. */
export function iterateGrid(options: IterateGridOptions = {}): IterateSelection {
  const { start = 5, ratio = 1.3 } = options
  if (!(start >= 1 && ratio > 1)) {
    throw new ArgumentError({
      operation: 'iterateGrid',
      rule: 'needs start ≥ 1 and ratio > 1',
      found: `start ${start}, ratio ${ratio}`,
    })
  }
  return {
    name: `grid ⌈${start}·${ratio}ʲ⌉`,
    keeps: (iteration) => {
      // Repeated multiplication, as in the source, so that rounding up meets the same floating-point numbers.
      let point = start
      while (Math.ceil(point) < iteration) point *= ratio
      return Math.ceil(point) === iteration
    },
  }
}

/** Keeps every iterate: for tests and small problems. */
export const everyIterate: IterateSelection = { name: 'every', keeps: () => true }

/** Keeps the last iterate only. */
export const lastIterate: IterateSelection = { name: 'last', keeps: () => false }
