/**
 * Where a run of Hessian-free optimisation stands between two steps, as plain data: enough to go on with it on another
 * backend as if nothing had happened. Samples are functions of seed and iteration, so they need no state.
 *
 * Not part of it: the curvature pairs of the L-BFGS preconditioner, which are many times as large as all the rest. A
 * run that goes on collects them again; its first step is unpreconditioned, so it may take more products than the same
 * step of an undisturbed run, and differ from it by what conjugate gradients leave undone. Without preconditioning, or
 * with the diagonal one, which is computed anew in every step, a run that goes on is bit for bit the undisturbed one.
 */
import { ArgumentError, formatType, hostArray, readTensors } from '@hessian-free/tensor'
import type { HostArray } from '@hessian-free/tensor'
import type { InitialEvaluation } from '../minimisation.ts'
import type { Evaluation } from '../objective.ts'
import type { ParameterLayout } from '../parameterLayout.ts'
import type { ParameterState } from '../parameterState.ts'
import { leavesOf } from '../parameterState.ts'
import type { Work } from '../workCounter.ts'
import type { Reached } from './runProgress.ts'

export interface HessianFreeState {
  /** Steps taken. */
  readonly iteration: number
  /** λ of the next step. */
  readonly damping: number
  /** Rejected steps in a row. */
  readonly rejections: number
  /** θ, leaf by leaf, in the order of the parameter tree. */
  readonly parameters: readonly HostArray[]
  /** Where the next conjugate gradients start: a flat vector of the run's layout; undefined for zero. */
  readonly warmStart: HostArray | undefined
  /** Held-out loss and metric at θ; undefined before the first step began. */
  readonly heldOut: Evaluation | undefined
  /** The same before the first step. */
  readonly initial: InitialEvaluation | undefined
  readonly work: Work
  readonly seconds: number
}

/** A state to go on from. What is missing is taken from the initial parameters, computed, or begins at zero. */
export type ResumableState = Pick<HessianFreeState, 'iteration' | 'damping'> & Partial<HessianFreeState>

/** The state on the host, in one wait. */
export async function stateOf<P>(
  { layout, vector }: ParameterState<P>,
  { memory: { warmStart, ...decisions }, ...progress }: Reached,
): Promise<HessianFreeState> {
  const [theta, start] = await readTensors(warmStart === undefined ? [vector] : [vector, warmStart])
  return {
    ...progress,
    ...decisions,
    parameters: leavesOf(layout, theta),
    warmStart: warmStart === undefined ? undefined : hostArray(start, warmStart.shape),
  }
}

/** @throws {ArgumentError} for a state that no run of this layout can have. */
export function requireResumable<P>(
  { iteration, damping, rejections = 0, warmStart }: ResumableState,
  layout: ParameterLayout<P>,
): void {
  const refuse = (rule: string, found: string): never => {
    throw new ArgumentError({ operation: 'minimise', rule: `resumeFrom ${rule}`, found })
  }
  const count = (n: number): boolean => Number.isSafeInteger(n) && n >= 0
  if (!count(iteration) || !count(rejections) || !(damping > 0 && Number.isFinite(damping))) {
    refuse(
      'needs counts of steps and rejections and a finite damping > 0',
      `iteration ${iteration}, rejections ${rejections}, damping ${damping}`,
    )
  }
  const wanted = { shape: [layout.size], dtype: layout.dtype }
  if (warmStart !== undefined && formatType(warmStart) !== formatType(wanted)) {
    refuse(`must have a warm start like the parameters, ${formatType(wanted)}`, formatType(warmStart))
  }
}
