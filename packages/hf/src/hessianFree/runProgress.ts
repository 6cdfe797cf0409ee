/**
 * What a run has reached between two steps. Parameters and all that one step leaves to the next change together, at one
 * place and without a wait in between, so that the state of a run is that of a whole number of steps whenever it is
 * asked for: also after an abort, a failure, or a loop left early.
 */
import { tensor } from '@hessian-free/tensor'
import type { InitialEvaluation } from '../minimisation.ts'
import type { Evaluation } from '../objective.ts'
import type { ParameterState } from '../parameterState.ts'
import { createParameterState } from '../parameterState.ts'
import { parameterLayout } from '../parameterLayout.ts'
import type { Work } from '../workCounter.ts'
import { noWork } from '../workCounter.ts'
import type { HessianFreeState, ResumableState } from './state.ts'
import { requireResumable, stateOf } from './state.ts'
import type { StepMemory, StepOutcome } from './step.ts'

export interface Reached {
  /** Steps taken. */
  readonly iteration: number
  readonly memory: Omit<StepMemory, 'heldOut'> & { readonly heldOut: Evaluation | undefined }
  readonly initial: InitialEvaluation | undefined
  readonly work: Work
  readonly seconds: number
}

export interface RunProgress<P> {
  readonly parameters: ParameterState<P>
  readonly reached: Reached
  /** Before the next step: held-out loss and metric at θ are known. */
  begin(heldOut: Evaluation, initial: InitialEvaluation, work: Work): StepMemory
  /** After a step: takes over what it made. */
  complete(outcome: StepOutcome, work: Work, seconds: number): StepMemory
  state(): Promise<HessianFreeState>
  dispose(): void
}

/**
 * @throws {ArgumentError | DtypeError | ShapeError} for parameters that cannot be optimised, or a state that does not fit
 * them.
 */
export function startProgress<P>(initial: P, from: ResumableState): RunProgress<P> {
  requireResumable(from, parameterLayout(initial))
  const parameters = createParameterState(initial, from.parameters)
  const warmStart =
    from.warmStart === undefined ? undefined : tensor(from.warmStart, { backend: parameters.backend })
  let reached: Reached = {
    iteration: from.iteration,
    memory: { damping: from.damping, rejections: from.rejections ?? 0, heldOut: from.heldOut, warmStart },
    initial: from.initial,
    work: from.work ?? noWork,
    seconds: from.seconds ?? 0,
  }
  return {
    parameters,
    get reached() {
      return reached
    },
    begin: (heldOut, before, work) => {
      const memory = { ...reached.memory, heldOut }
      reached = { ...reached, memory, initial: before, work }
      return memory
    },
    complete: ({ record: { iteration }, memory, theta }, work, seconds) => {
      reached.memory.warmStart?.dispose()
      if (theta !== undefined) parameters.replace(theta)
      reached = { ...reached, iteration, memory, work, seconds }
      return memory
    },
    state: () => stateOf(parameters, reached),
    dispose: () => {
      reached.memory.warmStart?.dispose()
      parameters.dispose()
    },
  }
}
