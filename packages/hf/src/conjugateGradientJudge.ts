/**
 * The host side of one conjugate gradient run: turns the reports of a batch into the history, iteration by iteration
 * in their order, and decides after each whether the run ends there. It sees an iteration late but judges it as if
 * nothing had been enqueued after it; iterations beyond the last one are never looked at.
 */
import { LifetimeError } from '@hessian-free/tensor'
import type { ConjugateGradientOptions } from './conjugateGradient.ts'
import { report, startReport } from './conjugateGradientPrograms.ts'
import type { Batch, ConjugateGradientRun, EnqueuedIteration } from './conjugateGradientRun.ts'
import type { IterateStore } from './iterateStore.ts'
import type {
  ConjugateGradientIteration,
  ConjugateGradientStart,
  StopReason,
  StopRule,
} from './stopRules/stopRule.ts'

export class ConjugateGradientJudge {
  readonly history: ConjugateGradientIteration[] = []
  readonly #run: ConjugateGradientRun
  readonly #store: IterateStore
  readonly #rules: readonly StopRule[]
  readonly #options: ConjugateGradientOptions
  #start: ConjugateGradientStart | undefined

  /** @param store takes the iterates that were judged sound over. */
  constructor(
    run: ConjugateGradientRun,
    store: IterateStore,
    rules: readonly StopRule[],
    options: ConjugateGradientOptions,
  ) {
    this.#run = run
    this.#store = store
    this.#rules = rules
    this.#options = options
  }

  /** Whether the start was judged, which the first batch begins with. */
  get begun(): boolean {
    return this.#start !== undefined
  }

  /** @throws {LifetimeError} before it was judged. */
  get start(): ConjugateGradientStart {
    if (this.#start !== undefined) return this.#start
    throw new LifetimeError({ operation: 'conjugateGradient', rule: 'the start must have been judged' })
  }

  /** Waits for a batch and judges it. @returns why the run ends within it, if it does. */
  async judge({ iterations, reports }: Batch): Promise<StopReason | undefined> {
    const measured = await reports
    for (const [i, enqueued] of iterations.entries()) {
      const reason = this.#judgeOne(enqueued, measured[i])
      if (reason !== undefined) return reason
    }
    return undefined
  }

  #judgeOne(enqueued: EnqueuedIteration, values: ArrayLike<number>): StopReason | undefined {
    if (this.#start === undefined) {
      this.#start = startFrom(values, this.#options)
      const { phi, iterateNorm } = this.#start
      this.#store.accept({ iteration: 0, phi, norm: iterateNorm, iterate: this.#run.release(enqueued.x) })
      return reasonNotToStart(this.#start)
    }
    if (this.#options.signal?.aborted === true) return 'aborted'
    return this.#judgeIteration(enqueued, iterationFrom(values, enqueued.iteration), this.#start)
  }

  #judgeIteration(
    enqueued: EnqueuedIteration,
    measured: ConjugateGradientIteration,
    start: ConjugateGradientStart,
  ): StopReason | undefined {
    const { onPair, onIteration } = this.#options
    const breakdown = breakdownOf(measured)
    const { phi, residualNorm, iterateNorm } =
      breakdown === undefined ? measured : (this.history.at(-1) ?? start)
    const entry = { ...measured, phi, residualNorm, iterateNorm }
    const { iteration } = entry
    this.history.push(entry)
    if (breakdown === undefined) {
      const { x, s, y } = enqueued
      this.#store.accept({ iteration, phi, norm: iterateNorm, iterate: this.#run.release(x) })
      if (onPair !== undefined && s !== undefined && y !== undefined) {
        onPair({ iteration, s: this.#run.release(s), y: this.#run.release(y) })
      }
    }
    onIteration?.(entry)
    if (breakdown !== undefined) return breakdown
    if (residualNorm === 0) return 'converged'
    return this.#rules.find((rule) => rule.shouldStop(this.history, start))?.reason
  }
}

function startFrom(
  values: ArrayLike<number>,
  { initial, restartIfWorse = true }: ConjugateGradientOptions,
): ConjugateGradientStart {
  const restarted = restartIfWorse && !(values[startReport.given] <= 0)
  return {
    from: initial === undefined ? 'zero' : restarted ? 'restarted' : 'warmStart',
    phi: values[startReport.phi],
    residualNorm: Math.sqrt(values[startReport.rr]),
    iterateNorm: Math.sqrt(values[startReport.xx]),
    rightHandSideNorm: Math.sqrt(values[startReport.bb]),
  }
}

function reasonNotToStart({ phi, residualNorm }: ConjugateGradientStart): StopReason | undefined {
  if (!Number.isFinite(phi) || !Number.isFinite(residualNorm)) return 'notFinite'
  return residualNorm === 0 ? 'converged' : undefined
}

function iterationFrom(values: ArrayLike<number>, iteration: number): ConjugateGradientIteration {
  return {
    iteration,
    phi: values[report.phi],
    residualNorm: Math.sqrt(values[report.rr]),
    iterateNorm: Math.sqrt(values[report.xx]),
    curvature: values[report.curvature],
    step: values[report.step],
    preconditionedNorm: Math.sqrt(values[report.rz]),
    conjugation: values[report.conjugation],
  }
}

/** What makes an iteration unsound. r ≠ 0 here, so r·z = 0 means that M⁻¹ is singular. */
function breakdownOf(measured: ConjugateGradientIteration): StopReason | undefined {
  const { curvature, preconditionedNorm, phi, residualNorm, iterateNorm, step } = measured
  if (!Number.isFinite(curvature)) return 'notFinite'
  if (!(preconditionedNorm > 0)) return 'indefinitePreconditioner'
  if (curvature <= 0) return 'negativeCurvature'
  const sound = [phi, residualNorm, iterateNorm, step].every(Number.isFinite)
  return sound ? undefined : 'notFinite'
}
