/**
 * Options of the Hessian-free optimiser, their defaults and their checks. Defaults are those of Martens 2010 and his
 * code where the paper is silent; sampling and preconditioning are off by default only in the sense that they are
 * named: the accelerated method is the default.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { BacktrackingRule } from '../backtracking.ts'
import type { ConjugateGradientOptions } from '../conjugateGradient.ts'
import type { ConjugateGradientVariant } from '../conjugateGradientPrograms.ts'
import type { LevenbergMarquardtOptions } from '../levenbergMarquardt.ts'
import type { RatioConvention } from '../reductionRatio.ts'
import type { SampleSchedule } from '../sampling/sampleSchedule.ts'
import { fixedSampling } from '../sampling/fixed.ts'
import type { StopRule } from '../stopRules/stopRule.ts'
import { relativeProgress } from '../stopRules/relativeProgress.ts'
import type { Preconditioning } from './preconditioning.ts'
import { lbfgsPreconditioning } from './preconditioning.ts'

export interface HessianFreeOptions {
  /** Default `lbfgsPreconditioning({ pairs: 32 })`. */
  readonly preconditioning?: Preconditioning
  /** Cases for the gradient; default all. */
  readonly gradientSample?: SampleSchedule
  /** Cases for curvature, drawn from the gradient sample; default a quarter of the data (Martens' CURVES chunks). */
  readonly curvatureSample?: SampleSchedule
  /** λ₀ of a curvature averaged over cases; default 45 (Martens, deep autoencoders); classifiers want 1 to 10. */
  readonly damping?: number
  readonly levenbergMarquardt?: LevenbergMarquardtOptions
  /** Default 'undamped' (Martens' code). */
  readonly ratio?: RatioConvention
  /** Default 'flexible'. */
  readonly variant?: ConjugateGradientVariant
  /** Default Martens' relative progress. */
  readonly stop?: readonly StopRule[]
  /** Default 250. */
  readonly maximumConjugateGradientIterations?: number
  /** When conjugate gradients read what they measure; default by the backend. Changes no decision, only waste. */
  readonly reading?: Pick<ConjugateGradientOptions, 'readInterval' | 'readLag'>
  /** Factor of the last solution in the next warm start; 0 turns it off. Default 0.95 (Martens' code). */
  readonly warmStart?: number
  /** Default 'untilImprovedThenWorse' (Kingsbury et al. 2012), which suits a held-out loss. */
  readonly backtracking?: BacktrackingRule
  /** Seed of the samples; default 0. */
  readonly seed?: number
  /** Most cases per compiled chunk; default that of the backend (see `chunkLengths.ts`). */
  readonly chunkLength?: number
}

/** A quarter of the data (heuristic). */
const defaultCurvatureFraction = 0.25

/** Options with defaults filled in. @throws {ArgumentError} for values out of range. */
export function completeOptions(options: HessianFreeOptions) {
  const complete = {
    preconditioning: lbfgsPreconditioning(),
    gradientSample: fixedSampling(),
    curvatureSample: fixedSampling({ fraction: defaultCurvatureFraction }),
    damping: 45,
    levenbergMarquardt: {},
    ratio: 'undamped' as RatioConvention,
    variant: 'flexible' as ConjugateGradientVariant,
    stop: [relativeProgress()] as readonly StopRule[],
    maximumConjugateGradientIterations: 250,
    reading: {},
    warmStart: 0.95,
    backtracking: 'untilImprovedThenWorse' as BacktrackingRule,
    seed: 0,
    chunkLength: undefined as number | undefined,
    ...options,
  }
  const { damping, warmStart, maximumConjugateGradientIterations: limit, chunkLength } = complete
  const positiveInteger = (n: number): boolean => Number.isSafeInteger(n) && n > 0
  if (
    !(damping > 0 && Number.isFinite(damping)) ||
    !(warmStart >= 0 && warmStart <= 1) ||
    !positiveInteger(limit) ||
    (chunkLength !== undefined && !positiveInteger(chunkLength))
  ) {
    throw new ArgumentError({
      operation: 'hessianFree',
      rule: 'needs a finite damping > 0, a warm start in [0, 1], and positive integers for iterations and chunks',
      found: `damping ${damping}, warmStart ${warmStart}, maximumConjugateGradientIterations ${limit}, chunkLength ${chunkLength ?? 'default'}`,
    })
  }
  return complete
}

export type CompleteOptions = ReturnType<typeof completeOptions>
