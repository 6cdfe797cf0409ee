/**
 * Preconditioned conjugate gradients: minimises φ(x) = ½ x·Ax − b·x, so solves Ax = b for a symmetric positive
 * definite operator. 'standard' has β = z'·r' / z·r (Hestenes & Stiefel 1952); 'flexible' is FCG(1) of Notay 2000,
 * β = −z'·Ap / p·Ap, which stays right when the preconditioner changes; for a fixed one both are the same.
 *
 * One product and one preconditioner application per iteration. Definiteness is not assumed but watched: p·Ap ≤ 0 ends
 * the run before the update, as in Martens' code. The device runs ahead of the host, which reads what it measured in
 * batches (`readSchedule.ts`); stop rules see exactly the iteration they are asked about all the same.
 */
import { ShapeError, formatType, isFloat } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { ConjugateGradientJudge } from './conjugateGradientJudge.ts'
import type { ConjugateGradientVariant } from './conjugateGradientPrograms.ts'
import { ConjugateGradientRun } from './conjugateGradientRun.ts'
import type { Batch, LinearOperator } from './conjugateGradientRun.ts'
import type { CurvaturePair } from './curvaturePair.ts'
import { eventLoopPause } from './eventLoopPause.ts'
import { iterateGrid } from './iterateGrid.ts'
import type { IterateSelection } from './iterateGrid.ts'
import { IterateStore } from './iterateStore.ts'
import type { StoredIterate } from './iterateStore.ts'
import type { Preconditioner } from './preconditioners/preconditioner.ts'
import type { ReadSchedule } from './readSchedule.ts'
import { readSchedule } from './readSchedule.ts'
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
  /** Looked at before every iteration is enqueued, and before it is judged: what is on its way is dropped. */
  readonly signal?: AbortSignal
  /**
   * Iterations whose measurements the host reads, and judges, at a time. A reading makes the host wait until the device
   * has come that far and then for the round trip; a larger interval waits less often. But the host notices late that
   * a run is over, and up to readInterval − 1 + readLag products were for nothing by then (counted in `products`);
   * the operator, the preconditioner and the memory for x (and pairs) of that many iterations must bear it, with
   * vectors that are NaN after a breakdown. Results do not depend on it. Default 1 where the backend can be read
   * without waiting, else 10.
   */
  readonly readInterval?: number
  /**
   * Iterations enqueued after a batch before the host waits for it: work for the device during the round trip. 0 leaves
   * it idle then; each more is a product for nothing at the end. Results do not depend on it. Default 0 where the
   * backend can be read without waiting, else 2.
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
  /** Products with A, the warm start's included, and those that were enqueued before the end was known. */
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
  const limit = options.maximumIterations ?? 250
  const rules = rulesOf(options, limit)
  const schedule = readSchedule(b.backend, options.readInterval, options.readLag)
  const run = new ConjugateGradientRun(operator, b, {
    variant: options.variant ?? 'flexible',
    preconditioner: options.preconditioner,
    wantsPairs: options.onPair !== undefined,
    initial: options.initial,
    restartIfWorse: options.restartIfWorse ?? true,
  })
  const store = new IterateStore(options.keep ?? iterateGrid())
  const judge = new ConjugateGradientJudge(run, store, rules, options)
  let finished = false
  try {
    const stopReason = await iterate(run, judge, schedule, limit, options.signal)
    finished = true
    return resultOf(store, judge, run.products, stopReason)
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

function rulesOf(
  { stop = [relativeProgress()], minimumIterations = 1 }: ConjugateGradientOptions,
  limit: number,
): readonly StopRule[] {
  return [...stop.map((rule) => notBefore(minimumIterations, rule)), maximumIterations(limit)]
}

/** The loop: enqueue an iteration, send a batch on its way when it is full, judge the batches that are due. */
async function iterate(
  run: ConjugateGradientRun,
  judge: ConjugateGradientJudge,
  { interval, lag }: ReadSchedule,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<StopReason> {
  const pause = eventLoopPause()
  const onTheWay: Batch[] = []
  run.start()
  for (let enqueued = 0; ; enqueued++) {
    const atLimit = enqueued === limit
    if ((enqueued + 1) % interval === 0 || atLimit) onTheWay.push(run.read())
    const due = onTheWay.filter(({ last }) => atLimit || enqueued >= last + lag)
    for (const batch of due) {
      const reason = await judge.judge(batch)
      if (reason !== undefined) return reason
    }
    onTheWay.splice(0, due.length)
    await pause()
    if (signal?.aborted === true) {
      // The result is x₀ if nothing else was judged; the start must have been.
      return judge.begun ? 'aborted' : ((await judge.judge(onTheWay.at(0) ?? run.read())) ?? 'aborted')
    }
    run.advance()
  }
}

function resultOf(
  store: IterateStore,
  { history, start }: ConjugateGradientJudge,
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
