/**
 * Hessian-free optimisation with the two accelerations of Sainath, Horesh, Kingsbury, Aravkin & Ramabhadran 2013
 * (arXiv:1309.1508): implicit L-BFGS preconditioning of conjugate gradients, and growing samples for gradient and
 * curvature. The outer loop is Kingsbury, Sainath & Soltau 2012, algorithm 1, over the pieces of Martens 2010:
 *
 *   draw S_g, and S_c ⊂ S_g;  g = ∇f on S_g;  A = G on S_c + (λ + w) I
 *   d_1 … d_N = conjugate gradients on A d = −g, from 0.95 times the last run's d_N
 *   d = the iterate that backtracking on held-out data picks;  none better than d = 0: λ ← 3/2 λ, next
 *   ρ = actual / predicted change → λ;  α by Armijo;  θ ← θ + α d
 *
 * Differs from the printed algorithm in the sign of ρ, which is wrong there, and in ρ's default, which leaves the
 * damping out of the prediction as Martens' code does.
 */
import { defaultChunkLength } from '../chunkLengths.ts'
import type { Dataset, Sample } from '../dataset.ts'
import { allCases, prepareSample, uploadDataset } from '../dataset.ts'
import { createCurvature } from '../curvature.ts'
import type { InitialEvaluation, MinimiseOptions, Minimisation, Problem } from '../minimisation.ts'
import { createObjective } from '../objective.ts'
import { runOnState } from '../runOnState.ts'
import { WorkCounter } from '../workCounter.ts'
import type { HessianFreeOptions } from './options.ts'
import { completeOptions } from './options.ts'
import { startProgress } from './runProgress.ts'
import type { HessianFreeState, ResumableState } from './state.ts'
import { takeStep } from './step.ts'
import type { HessianFreeStep } from './stepRecord.ts'
import { vectorPrograms } from './vectorPrograms.ts'

export interface HessianFreeMinimiseOptions extends MinimiseOptions {
  /**
   * Goes on from the state of an earlier run on the same problem, data and options: iteration numbers, samples,
   * damping, work and seconds continue, and `iterations` counts the steps of both. The initial parameters then give
   * the form of the tree and the backend; their values are used only if the state has none.
   */
  readonly resumeFrom?: ResumableState
}

export interface HessianFreeMinimisation<P> extends Minimisation<P, HessianFreeStep> {
  /**
   * Where the run stands after its last complete step, as host arrays: two vectors of the parameters' size, in one
   * wait. Iterating again, or `minimise` with `resumeFrom`, goes on from there. At any time before `dispose`.
   * @throws {DeviceLostError} (a rejection) once the device is lost: keep the state of an earlier step.
   */
  state(): Promise<HessianFreeState>
}

/** An optimiser for one problem; `minimise` may be called any number of times. */
export interface HessianFree<P> {
  /**
   * Starts a run on the backend of the initial parameters, which stay the caller's. If its device is lost, iterating
   * throws a DeviceLostError: make a new backend and go on with `resumeFrom`.
   * @throws {ArgumentError | DtypeError} for parameters that are no tree of float tensors of one dtype.
   * @throws {ArgumentError | ShapeError} for a state that does not fit the parameters.
   */
  minimise(initial: P, options: HessianFreeMinimiseOptions): HessianFreeMinimisation<P>
}

/** @throws {ArgumentError} for options out of range. */
export function hessianFree<P>(problem: Problem<P>, options: HessianFreeOptions = {}): HessianFree<P> {
  const settings = completeOptions(options)
  return {
    minimise: (initial, run) => {
      const progress = startProgress(initial, run.resumeFrom ?? { iteration: 0, damping: settings.damping })
      const state = progress.parameters

      async function* steps(
        report: (initial: InitialEvaluation) => void,
      ): AsyncGenerator<HessianFreeStep, void> {
        const begun = performance.now() - 1000 * progress.reached.seconds
        const owned: { dispose(): void }[] = []
        const own = <T extends { dispose(): void }>(resource: T): T => {
          owned.push(resource)
          return resource
        }
        try {
          const { dtype } = state.layout
          const data: Dataset = own(uploadDataset(run.data, state.backend))
          const heldOut: Dataset = own(uploadDataset(run.heldOut, state.backend))
          const chunkLength =
            settings.chunkLength ?? defaultChunkLength(state.backend, Math.max(data.cases, heldOut.cases))
          const heldOutSample: Sample = own(prepareSample(heldOut, allCases(heldOut), chunkLength, dtype))
          const objective = own(createObjective(problem, state.layout, chunkLength))
          const curvature = own(createCurvature(problem, state.layout))
          const preconditioning = own(settings.preconditioning.start(problem, state.layout))
          const vectors = own(vectorPrograms())
          const work = new WorkCounter(progress.reached.work)
          let current = progress.reached.memory.heldOut
          if (current === undefined) {
            current = await objective.evaluate(state.vector, heldOutSample)
            work.add({ lossCases: heldOutSample.cases })
          }
          const first = progress.reached.initial ?? {
            heldOutLoss: current.loss,
            heldOutMetric: current.metric,
          }
          report(first)
          let memory = progress.begin(current, first, work.total)
          const context = {
            settings,
            run,
            state,
            data,
            heldOutSample,
            objective,
            curvature,
            preconditioning,
            vectors,
            work,
          }
          while (progress.reached.iteration < (run.iterations ?? Infinity)) {
            const outcome = await takeStep(context, memory, progress.reached.iteration + 1)
            if (outcome === undefined) return
            const seconds = (performance.now() - begun) / 1000
            memory = progress.complete(outcome, work.total, seconds)
            yield { ...outcome.record, seconds, work: work.total }
          }
        } finally {
          for (const resource of owned.reverse()) resource.dispose()
        }
      }

      return Object.assign(runOnState(state, steps), {
        state: () => progress.state(),
        dispose: () => progress.dispose(),
      })
    },
  }
}
