/**
 * Choices about the optimiser, the same on a command line and on a page: one table serves parsing, lists and labels.
 */
import {
  diagonalPreconditioning,
  fixedSampling,
  geometricSampling,
  lbfgsPreconditioning,
  noPreconditioning,
} from '@hessian-free/hf'
import type { Preconditioning, SampleSchedule } from '@hessian-free/hf'
import type { Growth } from './examples/example.ts'

export const preconditioners = {
  lbfgs: "the paper's implicit L-BFGS, from the pairs of the previous run",
  diagonal: "Martens' squared gradients to the power 3/4",
  none: 'plain conjugate gradients',
} as const
export type PreconditionerName = keyof typeof preconditioners

export const samplings = {
  geometric: 'samples grow by a factor per iteration',
  fixed: 'all data for gradients, the largest curvature sample throughout',
} as const
export type SamplingName = keyof typeof samplings

/** @param pairs curvature pairs that `lbfgs` keeps. */
export function createPreconditioning(name: PreconditionerName, pairs: number): Preconditioning {
  if (name === 'none') return noPreconditioning()
  return name === 'diagonal' ? diagonalPreconditioning() : lbfgsPreconditioning({ pairs })
}

export const createSampling = (name: SamplingName, { start, factor, limit }: Growth): SampleSchedule =>
  name === 'fixed' ? fixedSampling({ cases: limit }) : geometricSampling({ start, factor, limit })
