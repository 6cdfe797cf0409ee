/**
 * Samples that grow geometrically:
 *   |S_i| = min(limit, ⌈start · factorⁱ⌉)
 * Source: Friedlander & Schmidt 2012; Sainath et al. 2013 §4.2 with factor 1.2 for gradients and 1.3 for curvature.
 * The paper reaches full size at about half of the iterations; `geometricStart` gives the start that does so. The
 * floor is this project's: a curvature sample of a few cases makes conjugate gradients overfit it.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { SampleSchedule } from './sampleSchedule.ts'
import { clampSize } from './sampleSchedule.ts'

export interface GeometricSamplingOptions {
  /** Cases in iteration 0. */
  readonly start: number
  /** Growth per iteration, ≥ 1. */
  readonly factor: number
  /** Most cases; default the population. */
  readonly limit?: number
  /** Least cases; default 1. */
  readonly floor?: number
}

/** @throws {ArgumentError} unless start > 0, factor ≥ 1 and 1 ≤ floor ≤ limit. */
export function geometricSampling(options: GeometricSamplingOptions): SampleSchedule {
  const { start, factor, limit = Infinity, floor = 1 } = options
  if (!(start > 0 && factor >= 1 && floor >= 1 && floor <= limit)) {
    throw new ArgumentError({
      operation: 'geometricSampling',
      rule: 'needs start > 0, factor ≥ 1 and 1 ≤ floor ≤ limit',
      found: `start ${start}, factor ${factor}, floor ${floor}, limit ${limit}`,
    })
  }
  return {
    name: 'geometric',
    size: (iteration, population) => {
      // May be infinite after many iterations; the limits take care of it.
      const grown = start * factor ** iteration
      return clampSize(Math.min(limit, Math.max(floor, grown)), population)
    },
  }
}

/** The start with which samples of the given growth reach `limit` in iteration `fullAt`: limit · factor^−fullAt. */
export const geometricStart = (limit: number, factor: number, fullAt: number): number =>
  limit * factor ** -fullAt
