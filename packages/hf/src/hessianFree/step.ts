/**
 * One outer iteration of Hessian-free optimisation: sample, gradient, conjugate gradients, backtracking, damping, line
 * search. A step changes nothing: it returns the next θ and what it leaves to the next step, and the run takes both over
 * at once. An abort or an error therefore leaves the run as it was before the step.
 */
import type { Tensor } from '@hessian-free/tensor'
import { NumericalError, randomKey } from '@hessian-free/tensor'
import { armijoLineSearch } from '../armijoLineSearch.ts'
import { backtrack } from '../backtracking.ts'
import { conjugateGradient } from '../conjugateGradient.ts'
import type { ConjugateGradientResult } from '../conjugateGradient.ts'
import type { Curvature } from '../curvature.ts'
import type { Dataset, Sample } from '../dataset.ts'
import { prepareSample } from '../dataset.ts'
import type { StoredIterate } from '../iterateStore.ts'
import { levenbergMarquardt } from '../levenbergMarquardt.ts'
import type { MinimiseOptions, StepRecord } from '../minimisation.ts'
import type { Evaluation, Objective } from '../objective.ts'
import type { ParameterState } from '../parameterState.ts'
import { reductionRatio } from '../reductionRatio.ts'
import { drawSamples } from '../sampling/drawSamples.ts'
import type { WorkCounter } from '../workCounter.ts'
import type { CompleteOptions } from './options.ts'
import type { ActivePreconditioning } from './preconditioning.ts'
import type { HessianFreeStep } from './stepRecord.ts'
import type { VectorPrograms } from './vectorPrograms.ts'

/** What all steps of a run share. */
export interface StepContext<P> {
  readonly settings: CompleteOptions
  readonly run: MinimiseOptions
  readonly state: ParameterState<P>
  readonly data: Dataset
  readonly heldOutSample: Sample
  readonly objective: Objective<P>
  readonly curvature: Curvature
  readonly preconditioning: ActivePreconditioning
  readonly vectors: VectorPrograms
  readonly work: WorkCounter
}

/** What one step leaves to the next. */
export interface StepMemory {
  readonly damping: number
  /** Held-out loss and metric at θ. */
  readonly heldOut: Evaluation
  /** 0.95 d_N of the last run; undefined after a rejection. The run's. */
  readonly warmStart: Tensor | undefined
  /** Rejections in a row. */
  readonly rejections: number
}

export type RecordedStep = Omit<HessianFreeStep, keyof Pick<StepRecord, 'seconds' | 'work'>>

export interface StepOutcome {
  readonly record: RecordedStep
  readonly memory: StepMemory
  /** The next θ, the receiver's; undefined if the step was rejected. */
  readonly theta: Tensor | undefined
}

/** Rejections in a row after which the curvature pairs are dropped (heuristic of this project). */
const rejectionsToForget = 2

/** The gradient's cases, and among them the curvature's, ready for the compiled programs. */
function prepareSamples<P>(
  { settings, data, objective, state }: StepContext<P>,
  iteration: number,
): { gradient: Sample; curvature: Sample } {
  const gradient = settings.gradientSample.size(iteration - 1, data.cases)
  const curvature = Math.min(gradient, settings.curvatureSample.size(iteration - 1, data.cases))
  const sizes = { population: data.cases, gradient, curvature }
  const drawn = drawSamples(randomKey(settings.seed), iteration, sizes)
  const prepare = (indices: Uint32Array): Sample =>
    prepareSample(data, indices, objective.chunkLength, state.layout.dtype)
  return { gradient: prepare(drawn.gradient), curvature: prepare(drawn.curvature) }
}

const isAborted = ({ signal }: MinimiseOptions): boolean => signal?.aborted === true

/**
 * Takes one step.
 * @returns undefined if the run was aborted before the step was decided.
 * @throws {NumericalError} if the training loss or its gradient is not finite.
 */
export async function takeStep<P>(
  context: StepContext<P>,
  memory: StepMemory,
  iteration: number,
): Promise<StepOutcome | undefined> {
  const { run, state, objective, work } = context
  const samples = prepareSamples(context, iteration)
  try {
    const measured = await objective.gradient(state.vector, samples.gradient, (cases) =>
      run.onProgress?.({ phase: 'gradient', iteration, cases, of: samples.gradient.cases }),
    )
    const { loss: trainingLoss, norm: gradientNorm } = measured
    using gradient = measured.gradient
    work.add({ gradientCases: samples.gradient.cases })
    requireFiniteGradient(trainingLoss, gradientNorm, iteration)
    if (isAborted(run)) return undefined
    const begun = performance.now()
    using solution = await solve(context, memory, iteration, samples, gradient)
    const seconds = (performance.now() - begun) / 1000
    if (solution.stopReason === 'aborted') return undefined
    const decision = await decide(context, memory, iteration, solution, gradient)
    if (decision === undefined) return undefined
    const { memory: next, theta, chosen } = decision
    const record: RecordedStep = {
      iteration,
      trainingLoss,
      heldOutLoss: next.heldOut.loss,
      heldOutMetric: next.heldOut.metric,
      accepted: theta !== undefined,
      damping: memory.damping,
      nextDamping: next.damping,
      reductionRatio: decision.ratio,
      gradientNorm,
      conjugateGradient: {
        iterations: solution.iterations,
        products: solution.products,
        stopReason: solution.stopReason,
        chosenIterate: chosen.iteration,
        lastModelValue: solution.iterates.at(-1)?.phi ?? 0,
        chosenModelValue: chosen.phi,
        seconds,
      },
      lineSearch: decision.lineSearch,
      gradientCases: samples.gradient.cases,
      curvatureCases: samples.curvature.cases,
    }
    return { record, memory: next, theta }
  } finally {
    samples.gradient.dispose()
    samples.curvature.dispose()
  }
}

function requireFiniteGradient(loss: number, norm: number, iteration: number): void {
  if (Number.isFinite(loss) && Number.isFinite(norm)) return
  throw new NumericalError({
    operation: `hessianFree, iteration ${iteration}`,
    rule: 'training loss and gradient must be finite',
    found: `loss ${loss}, gradient norm ${norm}`,
    remedy: 'Check the data and the initial parameters; scale inputs to the order of 1',
  })
}

/** Conjugate gradients on (G + (λ + w) I) d = −g. */
async function solve<P>(
  context: StepContext<P>,
  memory: StepMemory,
  iteration: number,
  samples: { readonly gradient: Sample; readonly curvature: Sample },
  gradient: Tensor,
): Promise<ConjugateGradientResult> {
  const { settings, run, state, curvature, preconditioning, vectors, work } = context
  const limit = settings.maximumConjugateGradientIterations
  using linearization = curvature.linearize(state.vector, samples.curvature)
  work.add({ linearizedCases: samples.curvature.cases })
  using descent = vectors.negate(gradient)
  run.onProgress?.({ phase: 'preconditioner', iteration, cases: 0, of: samples.gradient.cases })
  const preconditioner = await preconditioning.begin({
    theta: state.vector,
    damping: memory.damping,
    gradientSample: samples.gradient,
  })
  work.add({ gradientCases: preconditioning.gradientCases })
  let stopReason: ConjugateGradientResult['stopReason'] = 'aborted'
  try {
    const solution = await conjugateGradient((v) => linearization.apply(v, memory.damping), descent, {
      variant: settings.variant,
      stop: settings.stop,
      maximumIterations: limit,
      ...settings.reading,
      ...(preconditioner === undefined ? {} : { preconditioner }),
      ...(memory.warmStart === undefined ? {} : { initial: memory.warmStart }),
      ...(preconditioning.collect === undefined ? {} : { onPair: preconditioning.collect }),
      ...(run.signal === undefined ? {} : { signal: run.signal }),
      onIteration: ({ iteration: conjugateGradientIteration, phi, residualNorm }) =>
        run.onProgress?.({
          phase: 'conjugateGradient',
          iteration,
          conjugateGradientIteration,
          maximumIterations: limit,
          modelValue: phi,
          residualNorm,
        }),
    })
    stopReason = solution.stopReason
    work.add({ products: solution.products, productCases: solution.products * samples.curvature.cases })
    return solution
  } finally {
    preconditioning.end(stopReason)
  }
}

interface Decision {
  readonly ratio: number
  readonly chosen: StoredIterate
  readonly lineSearch: HessianFreeStep['lineSearch']
  readonly memory: StepMemory
  readonly theta: Tensor | undefined
}

/** Backtracking, damping and line search on held-out data. @returns undefined if an abort cut them short. */
async function decide<P>(
  context: StepContext<P>,
  memory: StepMemory,
  iteration: number,
  solution: ConjugateGradientResult,
  gradient: Tensor,
): Promise<Decision | undefined> {
  const { settings, run, state, objective, heldOutSample, preconditioning, vectors, work } = context
  const evaluations = new Map<string, Evaluation>()
  const evaluate = async (direction: Tensor, rate: number, key: string): Promise<number> => {
    using moved = vectors.addScaled(state.vector, rate, direction)
    const evaluation = await objective.evaluate(moved, heldOutSample)
    work.add({ lossCases: heldOutSample.cases })
    evaluations.set(key, evaluation)
    return evaluation.loss
  }
  const report =
    (phase: 'backtracking' | 'lineSearch') =>
    ({ loss }: { readonly loss: number }) =>
      run.onProgress?.({ phase, iteration, heldOutLoss: loss })

  const { chosen, loss, improved } = await backtrack({
    iterates: solution.iterates,
    loss: ({ iterate, iteration: at }) => evaluate(iterate, 1, `iterate ${at}`),
    initialLoss: memory.heldOut.loss,
    rule: settings.backtracking,
    onEvaluation: report('backtracking'),
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  })
  const ratio = reductionRatio({
    lossBefore: memory.heldOut.loss,
    lossAfter: loss,
    phi: chosen.phi,
    damping: memory.damping,
    stepNorm: chosen.norm,
    convention: settings.ratio,
  })
  const { damping } = levenbergMarquardt(
    { damping: memory.damping },
    improved ? ratio : -Infinity,
    settings.levenbergMarquardt,
  )
  const reject = (lineSearch: HessianFreeStep['lineSearch']): Decision | undefined => {
    if (isAborted(run)) return undefined
    const rejections = memory.rejections + 1
    if (rejections >= rejectionsToForget) preconditioning.forget()
    const next: StepMemory = { damping, heldOut: memory.heldOut, warmStart: undefined, rejections }
    return { ratio, chosen, lineSearch, memory: next, theta: undefined }
  }
  if (!improved) return reject({ outcome: 'notReached', rate: 0 })

  const search = await armijoLineSearch({
    loss: (rate) => evaluate(chosen.iterate, rate, `rate ${rate}`),
    initialLoss: memory.heldOut.loss,
    slope: await vectors.inner(gradient, chosen.iterate),
    fullStepLoss: loss,
    onEvaluation: report('lineSearch'),
  })
  const lineSearch = { outcome: search.outcome, rate: search.rate }
  if (search.rate === 0) return reject(lineSearch)
  // The search ended on a point that it, or backtracking before it, has evaluated.
  const key = search.rate === 1 ? `iterate ${chosen.iteration}` : `rate ${search.rate}`
  const heldOut = evaluations.get(key) as Evaluation
  const theta = vectors.addScaled(state.vector, search.rate, chosen.iterate)
  const warmStart =
    settings.warmStart === 0 ? undefined : vectors.scale(solution.solution, settings.warmStart)
  return { ratio, chosen, lineSearch, memory: { damping, heldOut, warmStart, rejections: 0 }, theta }
}
