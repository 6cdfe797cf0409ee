/**
 * The same sample size in every iteration: a number of cases, or a fraction of the population. The baseline that
 * growing samples are compared with.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { SampleSchedule } from './sampleSchedule.ts'
import { clampSize } from './sampleSchedule.ts'

/** Exactly one of the two; without any, the whole population. */
export interface FixedSamplingOptions {
  readonly cases?: number
  /** In (0, 1]. */
  readonly fraction?: number
}

/** @throws {ArgumentError} if both are given or one is out of range. */
export function fixedSampling(options: FixedSamplingOptions = {}): SampleSchedule {
  const { cases, fraction } = options
  const casesFit = cases === undefined || cases >= 1
  const fractionFits = fraction === undefined || (fraction > 0 && fraction <= 1)
  if (!casesFit || !fractionFits || (cases !== undefined && fraction !== undefined)) {
    throw new ArgumentError({
      operation: 'fixedSampling',
      rule: 'takes either cases ≥ 1 or a fraction in (0, 1]',
      found: `cases ${cases ?? 'not given'}, fraction ${fraction ?? 'not given'}`,
    })
  }
  return {
    name: 'fixed',
    size: (_iteration, population) => clampSize(cases ?? (fraction ?? 1) * population, population),
  }
}
