/**
 * Preconditioned conjugate gradients: minimises φ(x) = ½ x·Ax − b·x, so solves Ax = b for a symmetric positive
 * definite operator. 'standard' has β = z'·r' / z·r (Hestenes & Stiefel 1952); 'flexible' is FCG(1) of Notay 2000,
 * β = −z'·Ap / p·Ap, which stays right when the preconditioner changes; for a fixed one both are the same.
 *
 * One product, one preconditioner application and one small read per iteration. Definiteness is not assumed but
 * watched: p·Ap ≤ 0 ends the run before the update, as in Martens' code. Stop rules see exactly the iteration they
 * are asked about, however far a device runs ahead (`readLag`).
 */
import { ArgumentError, ShapeError, formatType, isFloat } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { report } from './conjugateGradientPrograms.ts'
import type { ConjugateGradientVariant } from './conjugateGradientPrograms.ts'
import { ConjugateGradientRun } from './conjugateGradientRun.ts'
import type { EnqueuedIteration, LinearOperator } from './conjugateGradientRun.ts'
import type { CurvaturePair } from './curvaturePair.ts'
import { eventLoopPause } from './eventLoopPause.ts'
import { iterateGrid } from './iterateGrid.ts'
import type { IterateSelection } from './iterateGrid.ts'
import { IterateStore } from './iterateStore.ts'
import type { StoredIterate } from './iterateStore.ts'
import type { Preconditioner } from './preconditioners/preconditioner.ts'
import { maximumIterations, notBefore } from './stopRules/iterationLimits.ts'
import { relativeProgress } from './stopRules/relativeProgress.ts'
import type {
  ConjugateGradientIteration,
  ConjugateGradientStart,
  StopReason,
  StopRule,
} from './stopRules/stopRule.ts'

export interface ConjugateGradientOptions {
  /** Default 'flexible'. */
  readonly variant?: ConjugateGradientVariant
  /** Default none. */
  readonly preconditioner?: Preconditioner
  /** Warm start x₀, left to the caller; costs one product. Default 0. */
  readonly initial?: Tensor
  /** Start from 0 if φ(x₀) > 0 or NaN: the warm start is then worse than nothing. Default true. */
  readonly restartIfWorse?: boolean
  /** Any of them ends the run. Default Martens' relative progress. */
  readonly stop?: readonly StopRule[]
  /** Default 250 (Martens). */
  readonly maximumIterations?: number
  /** The rules in `stop` are asked from this iteration on; default 1. */
  readonly minimumIterations?: number
  /** Which iterates are kept besides the last; default Martens' grid. */
  readonly keep?: IterateSelection
  /** Called after every iteration, the one that broke down included. */
  readonly onIteration?: (iteration: ConjugateGradientIteration) => void
  /** Takes s = αp, y = αAp of every sound iteration; the tensors are the receiver's to free. */
  readonly onPair?: (pair: CurvaturePair) => void
  /** Looked at before every iteration. */
  readonly signal?: AbortSignal
  /**
   * Iterations a device may run ahead of the host's reading; default 0. Results do not depend on it, but up to
   * this many products are wasted at the end.
   */
  readonly readLag?: number
}

export interface ConjugateGradientResult {
  /** The last sound iterate, which is also the last of `iterates`. */
  readonly solution: Tensor
  /** The iterates kept, in order, the last one always among them (x₀ if there was no sound iteration). */
  readonly iterates: readonly StoredIterate[]
  /** Sound iterations: updates of x. */
  readonly iterations: number
  /** Products with A, the warm start's included. */
  readonly products: number
  readonly stopReason: StopReason
  readonly start: ConjugateGradientStart
  /**
   * One entry per iteration. If the run broke down ('negativeCurvature', 'notFinite', 'indefinitePreconditioner')
   * the last entry is of the iteration that did, with φ and norms of the iterate that stayed.
   */
  readonly history: readonly ConjugateGradientIteration[]
  /** Frees the iterates, except those given. */
  dispose(except?: readonly Tensor[]): void
  [Symbol.dispose](): void
}

/**
 * Solves A x = b by minimising φ.
 *
 * @param operator v ↦ A v for flat vectors like b; symmetric positive definite if all is well.
 * @param b a flat float vector, left to the caller.
 * @returns iterates, which the caller owns, and the history; free it with `dispose()` or `using`.
 * @throws {ShapeError} unless b is a flat float vector and `initial` is like it.
 * @throws {ArgumentError} for a bad limit, or an operator or preconditioner that returns its argument.
 * @throws whatever the operator, preconditioner and callbacks throw; nothing leaks.
 */
export async function conjugateGradient(
  operator: LinearOperator,
  b: Tensor,
  options: ConjugateGradientOptions = {},
): Promise<ConjugateGradientResult> {
  requireVectors(b, options.initial)
  const rules = rulesOf(options)
  const run = new ConjugateGradientRun(operator, b, {
    variant: options.variant ?? 'flexible',
    preconditioner: options.preconditioner,
    wantsPairs: options.onPair !== undefined,
  })
  const store = new IterateStore(options.keep ?? iterateGrid())
  const history: ConjugateGradientIteration[] = []
  let finished = false
  try {
    const start = await run.start(options.initial, options.restartIfWorse ?? true)
    store.accept({ iteration: 0, phi: start.phi, norm: start.iterateNorm, iterate: run.release(run.x) })
    const stopReason = reasonNotToStart(start) ?? (await iterate(run, store, history, start, rules, options))
    finished = true
    return resultOf(store, history, start, run.products, stopReason)
  } finally {
    run.dispose()
    if (!finished) store.dispose()
  }
}

function requireVectors(b: Tensor, initial: Tensor | undefined): void {
  const fits =
    initial === undefined || (initial.dtype === b.dtype && initial.rank === 1 && initial.size === b.size)
  if (b.rank === 1 && isFloat(b.dtype) && fits) return
  throw new ShapeError({
    operation: 'conjugateGradient',
    rule: 'b must be a flat float vector and the initial vector like it',
    found: [b, initial].flatMap((vector) => (vector === undefined ? [] : [formatType(vector)])).join(' and '),
  })
}

function rulesOf(options: ConjugateGradientOptions): readonly StopRule[] {
  const { stop = [relativeProgress()], minimumIterations = 1, readLag = 0 } = options
  if (!(Number.isInteger(readLag) && readLag >= 0)) {
    throw new ArgumentError({
      operation: 'conjugateGradient',
      rule: 'readLag must be a non-negative integer',
      found: String(readLag),
    })
  }
  const limit = maximumIterations(options.maximumIterations ?? 250)
  return [...stop.map((rule) => notBefore(minimumIterations, rule)), limit]
}

function reasonNotToStart({ phi, residualNorm }: ConjugateGradientStart): StopReason | undefined {
  if (!Number.isFinite(phi) || !Number.isFinite(residualNorm)) return 'notFinite'
  return residualNorm === 0 ? 'converged' : undefined
}

/** The loop: enqueue an iteration, judge the oldest one whose numbers are due, make the next direction. */
async function iterate(
  run: ConjugateGradientRun,
  store: IterateStore,
  history: ConjugateGradientIteration[],
  start: ConjugateGradientStart,
  rules: readonly StopRule[],
  { readLag = 0, maximumIterations: limit = 250, ...options }: ConjugateGradientOptions,
): Promise<StopReason> {
  const pause = eventLoopPause()
  const pending: EnqueuedIteration[] = []
  const judge = async (enqueued: EnqueuedIteration): Promise<StopReason | undefined> => {
    const measured = measuredFrom(await enqueued.reading, enqueued.iteration)
    const breakdown = breakdownOf(measured)
    const last = history.at(-1) ?? start
    const { phi, residualNorm, iterateNorm } = breakdown === undefined ? measured : last
    const entry = { ...measured, phi, residualNorm, iterateNorm }
    history.push(entry)
    if (breakdown === undefined) {
      store.accept({ iteration: entry.iteration, phi, norm: iterateNorm, iterate: run.release(enqueued.x) })
      const { s, y } = enqueued
      if (options.onPair !== undefined && s !== undefined && y !== undefined) {
        options.onPair({ iteration: entry.iteration, s: run.release(s), y: run.release(y) })
      }
    }
    options.onIteration?.(entry)
    if (breakdown !== undefined) return breakdown
    if (residualNorm === 0) return 'converged'
    return rules.find((rule) => rule.shouldStop(history, start))?.reason
  }

  run.direct()
  for (let enqueued = 1; ; enqueued++) {
    await pause()
    if (options.signal?.aborted === true) return 'aborted'
    pending.push(run.advance())
    const due = pending.length > readLag || enqueued >= limit ? pending.shift() : undefined
    let reason = due === undefined ? undefined : await judge(due)
    // At the limit nothing more is enqueued; what is under way is judged in order.
    while (reason === undefined && enqueued >= limit) {
      const next = pending.shift()
      if (next === undefined) return 'maximumIterations'
      reason = await judge(next)
    }
    if (reason !== undefined) return reason
    run.direct()
    if (due !== undefined) run.retire(due)
  }
}

function measuredFrom(values: ArrayLike<number>, iteration: number): ConjugateGradientIteration {
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

function resultOf(
  store: IterateStore,
  history: readonly ConjugateGradientIteration[],
  start: ConjugateGradientStart,
  products: number,
  stopReason: StopReason,
): ConjugateGradientResult {
  const iterates = store.finish()
  const last = iterates[iterates.length - 1]
  const dispose = (except: readonly Tensor[] = []): void => {
    for (const { iterate } of iterates) if (!except.includes(iterate)) iterate.dispose()
  }
  return {
    solution: last.iterate,
    iterates,
    iterations: last.iteration,
    products,
    stopReason,
    start,
    history,
    dispose,
    [Symbol.dispose]: () => dispose(),
  }
}
