/**
 * A minimisation made of a parameter state and a generator of steps: what every optimiser of this package returns. The
 * state belongs to the run from its start to `dispose`; the generator owns what it makes while it is iterated over.
 */
import type { InitialEvaluation, Minimisation, StepRecord } from './minimisation.ts'
import type { ParameterState } from './parameterState.ts'

/** @param steps the steps; it reports the evaluation before the first one. */
export function runOnState<P, Step extends StepRecord>(
  state: ParameterState<P>,
  steps: (report: (initial: InitialEvaluation) => void) => AsyncGenerator<Step, void>,
): Minimisation<P, Step> {
  let initial: InitialEvaluation | undefined
  return {
    get initial() {
      return initial
    },
    [Symbol.asyncIterator]: () =>
      steps((evaluation) => {
        initial = evaluation
      }),
    parameters: () => state.parameters(),
    snapshot: () => state.snapshot(),
    dispose: () => state.dispose(),
  }
}
