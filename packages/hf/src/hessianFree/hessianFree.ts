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
import type { Dataset, Sample } from '../dataset.ts'
import { allCases, prepareSample, uploadDataset } from '../dataset.ts'
import { createCurvature } from '../curvature.ts'
import type { InitialEvaluation, MinimiseOptions, Minimisation, Problem } from '../minimisation.ts'
import { createObjective } from '../objective.ts'
import { createParameterState } from '../parameterState.ts'
import { runOnState } from '../runOnState.ts'
import { WorkCounter } from '../workCounter.ts'
import type { HessianFreeOptions } from './options.ts'
import { completeOptions } from './options.ts'
import type { StepMemory } from './step.ts'
import { takeStep } from './step.ts'
import type { HessianFreeStep } from './stepRecord.ts'
import { vectorPrograms } from './vectorPrograms.ts'

/** An optimiser for one problem; `minimise` may be called any number of times. */
export interface HessianFree<P> {
  /**
   * Starts a run on the backend of the initial parameters, which stay the caller's.
   * @throws {ArgumentError | DtypeError} for parameters that are no tree of float tensors of one dtype.
   */
  minimise(initial: P, options: MinimiseOptions): Minimisation<P, HessianFreeStep>
}

/** @throws {ArgumentError} for options out of range. */
export function hessianFree<P>(problem: Problem<P>, options: HessianFreeOptions = {}): HessianFree<P> {
  const settings = completeOptions(options)
  return {
    minimise: (initial, run) => {
      const state = createParameterState(initial)

      async function* steps(
        report: (initial: InitialEvaluation) => void,
      ): AsyncGenerator<HessianFreeStep, void> {
        const begun = performance.now()
        const owned: { dispose(): void }[] = []
        const own = <T extends { dispose(): void }>(resource: T): T => {
          owned.push(resource)
          return resource
        }
        try {
          const { dtype } = state.layout
          const data: Dataset = own(uploadDataset(run.data, state.backend))
          const heldOut: Dataset = own(uploadDataset(run.heldOut, state.backend))
          const heldOutSample: Sample = own(
            prepareSample(heldOut, allCases(heldOut), settings.chunkLength, dtype),
          )
          const objective = own(createObjective(problem, state.layout, settings.chunkLength))
          const curvature = own(createCurvature(problem, state.layout))
          const preconditioning = own(settings.preconditioning.start(problem, state.layout))
          const vectors = own(vectorPrograms())
          const work = new WorkCounter()
          const first = await objective.evaluate(state.vector, heldOutSample)
          work.add({ lossCases: heldOutSample.cases })
          report({ heldOutLoss: first.loss, heldOutMetric: first.metric })
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
          let memory: StepMemory = {
            damping: settings.damping,
            heldOut: first,
            warmStart: undefined,
            rejections: 0,
          }
          owned.push({ dispose: () => memory.warmStart?.dispose() })
          for (let iteration = 1; iteration <= (run.iterations ?? Infinity); iteration++) {
            const outcome = await takeStep(context, memory, iteration)
            memory = outcome.memory
            if (outcome.record === undefined) return
            yield { ...outcome.record, seconds: (performance.now() - begun) / 1000, work: work.total }
          }
        } finally {
          for (const resource of owned.reverse()) resource.dispose()
        }
      }

      return runOnState(state, steps)
    },
  }
}
