/**
 * The implicit L-BFGS preconditioner: H ≈ A⁻¹ from the curvature pairs that conjugate gradients makes anyway,
 *   s = α p,   y = α A p.
 * Source: Morales & Nocedal 2000; Sainath et al. 2013, §3.3. Two buffers: during run k the preconditioner is the
 * fixed H of run k − 1, and the pairs of run k go to the other buffer, which takes over at the end of the run.
 * (Updating H inside a run from the run's own pairs gains nothing: they are conjugate to the residual.)
 *
 * Differs from the papers in the damping shift: a pair measured at λ is used at λ' as (s, y + (λ' − λ) s), which
 * is exact for A = G + λI and free. Without it H is biased in flat directions by the factor λ / λ'.
 */
import { ArgumentError, LifetimeError, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { CurvaturePair } from '../curvaturePair.ts'
import { disposePair } from '../curvaturePair.ts'
import type { StopReason } from '../stopRules/stopRule.ts'
import { identityPreconditioner } from './identity.ts'
import type { GuardedPairSet, PairSet } from './pairSet.ts'
import { guardPairSet, shiftPairSet } from './pairSet.ts'
import type { PairSelectionRule, PairSelector } from './pairSelection.ts'
import { pairSelector } from './pairSelection.ts'
import type { Preconditioner } from './preconditioner.ts'
import { twoLoopAfter, twoLoopBefore, twoLoopRecursion } from './twoLoopRecursion.ts'

export interface LbfgsPreconditionerOptions {
  /** m, the pairs kept; each costs two vectors, and there are two buffers. Default 32 (the paper's best). */
  readonly pairs?: number
  /** Which pairs of a run longer than m; default 'last'. */
  readonly selection?: PairSelectionRule
  /**
   * H₀ when a run is not given one: 'secant' is γI with γ = s·y / y·y of the newest pair (Morales & Nocedal), a
   * heuristic scale; 'identity' is I. Default 'secant'.
   */
  readonly initial?: 'secant' | 'identity'
  /** A pair is dropped unless s·y > guard ‖s‖ ‖y‖; default 1e-8 for float32, 1e-10 for float64. */
  readonly guard?: number
  /** A run with fewer pairs leaves the old ones in force; default min(m, 8). */
  readonly minimumPairs?: number
}

export interface LbfgsRunOptions {
  /** λ of this run's A = G + λI; 0 for an operator without damping. */
  readonly damping: number
  /** H₀ of this run, e.g. a diagonal; it must stay alive until `endRun`. */
  readonly initial?: Preconditioner
}

export interface LbfgsPreconditioner extends Preconditioner {
  readonly name: 'lbfgs'
  readonly isIdentity: boolean
  /** Pairs in force. */
  readonly pairCount: number
  /** Pairs collected in the run under way. */
  readonly collectedCount: number
  /**
   * Fixes H for the run that follows: shifts the pairs in force to its damping and drops what the guard refuses.
   * @throws {LifetimeError} if a run is under way or it was disposed of. @throws {ArgumentError} for a damping < 0.
   */
  beginRun(run: LbfgsRunOptions): Promise<void>
  /** Takes a pair of the run under way over: pass it to `conjugateGradient` as `onPair`. */
  collect(pair: CurvaturePair): void
  /**
   * Ends the run. Its pairs replace the old ones if there are enough and the run met neither negative curvature nor
   * NaN; otherwise they are freed. Does nothing without a run.
   * @returns whether they took over.
   */
  endRun(stopReason: StopReason): boolean
  /** Forgets the pairs in force, e.g. after several rejected steps. */
  forget(): void
  /** Frees everything. */
  dispose(): void
}

const identity = identityPreconditioner()

/** Ends of a run whose pairs are not to be trusted. */
const untrusted: ReadonlySet<StopReason> = new Set([
  'negativeCurvature',
  'notFinite',
  'indefinitePreconditioner',
])

/** What the recursion needs besides the pairs. */
interface Scalars {
  readonly rho: Tensor
  readonly gamma: Tensor
}

/** A run under way. */
interface Run {
  readonly damping: number
  readonly initial: Preconditioner | undefined
  readonly select: PairSelector
  /** Undefined if no pairs are in force. */
  readonly scalars: Scalars | undefined
  collected: CurvaturePair[]
}

/** @throws {ArgumentError} for options out of range. */
export function lbfgsPreconditioner(options: LbfgsPreconditionerOptions = {}): LbfgsPreconditioner {
  const { pairs: capacity = 32, selection = 'last', initial: scaling = 'secant', guard } = options
  const { minimumPairs = Math.min(capacity, 8) } = options
  pairSelector(selection, capacity)
  if (
    !(minimumPairs >= 1 && minimumPairs <= capacity) ||
    (guard !== undefined && !(guard >= 0 && guard < 1))
  ) {
    throw new ArgumentError({
      operation: 'lbfgsPreconditioner',
      rule: 'needs 1 ≤ minimumPairs ≤ pairs and a guard in [0, 1)',
      found: `minimumPairs ${minimumPairs}, pairs ${capacity}, guard ${guard ?? 'default'}`,
    })
  }
  let inForce: PairSet = { damping: 0, pairs: [] }
  let run: Run | undefined
  let disposed = false

  const requireState = (operation: string, fits: boolean, rule: string): void => {
    if (fits && !disposed) return
    throw new LifetimeError({ operation, rule: disposed ? 'the preconditioner was disposed of' : rule })
  }
  const closeRun = (): void => {
    run?.scalars?.rho.dispose()
    run?.scalars?.gamma.dispose()
    run = undefined
  }
  const forget = (): void => {
    inForce.pairs.forEach(disposePair)
    inForce = { damping: 0, pairs: [] }
  }

  return {
    name: 'lbfgs',
    get isIdentity() {
      // Outside a run this is false, so that a forgotten beginRun fails in apply instead of going unnoticed.
      if (run === undefined || run.scalars !== undefined) return false
      return run.initial === undefined || run.initial.isIdentity === true
    },
    get pairCount() {
      return inForce.pairs.length
    },
    get collectedCount() {
      return run?.collected.length ?? 0
    },
    beginRun: async ({ damping, initial }) => {
      requireState('beginRun', run === undefined, 'the run before must have been ended with endRun')
      if (!(damping >= 0 && Number.isFinite(damping))) {
        throw new ArgumentError({
          operation: 'beginRun',
          rule: 'the damping must be finite and not negative',
          found: String(damping),
        })
      }
      const shifted = shiftPairSet(inForce, damping)
      inForce = shifted.set
      const guarded = await guardPairSet(shifted, guard)
      inForce = guarded.set
      const scalars = uploadScalars(guarded, scaling)
      run = { damping, initial, scalars, select: pairSelector(selection, capacity), collected: [] }
    },
    apply: (residual) => {
      if (run === undefined) throw noRun('apply')
      const { initial, scalars } = run
      if (scalars === undefined) return (initial ?? identity).apply(residual)
      const pairs = { s: inForce.pairs.map(({ s }) => s), y: inForce.pairs.map(({ y }) => y) }
      const { rho, gamma } = scalars
      if (initial === undefined) return twoLoopRecursion(residual, pairs, rho, gamma)
      const { q, a } = twoLoopBefore(residual, pairs, rho)
      const z = initial.apply(q)
      q.dispose()
      const result = twoLoopAfter(z, pairs, rho, a)
      a.dispose()
      return result
    },
    collect: (pair) => {
      if (run === undefined) {
        disposePair(pair)
        throw noRun('collect')
      }
      const { keep, replaces } = run.select(pair.iteration - 1)
      if (!keep) {
        disposePair(pair)
        return
      }
      const remaining = run.collected.filter(({ iteration }) => iteration - 1 !== replaces)
      run.collected.filter((old) => !remaining.includes(old)).forEach(disposePair)
      run.collected = [...remaining, pair]
    },
    endRun: (stopReason) => {
      if (run === undefined) return false
      const { collected, damping } = run
      closeRun()
      const takesOver = collected.length >= minimumPairs && !untrusted.has(stopReason)
      if (takesOver) {
        inForce.pairs.forEach(disposePair)
        inForce = { damping, pairs: collected }
      } else {
        collected.forEach(disposePair)
      }
      return takesOver
    },
    forget: () => {
      requireState('forget', run === undefined, 'the pairs in force are in use until endRun')
      forget()
    },
    dispose: () => {
      run?.collected.forEach(disposePair)
      closeRun()
      forget()
      disposed = true
    },
  }
}

function uploadScalars(
  { set, rho, gamma }: GuardedPairSet,
  scaling: 'secant' | 'identity',
): Scalars | undefined {
  if (set.pairs.length === 0) return undefined
  const { dtype, backend } = set.pairs[0].s
  return {
    rho: tensor([...rho], { dtype, backend }),
    gamma: tensor(scaling === 'secant' ? gamma : 1, { dtype, backend }),
  }
}

const noRun = (operation: string): LifetimeError =>
  new LifetimeError({
    operation: `lbfgsPreconditioner.${operation}`,
    rule: 'no run is under way',
    remedy: 'Call `await beginRun({ damping })` before and `endRun(stopReason)` after conjugateGradient',
  })
