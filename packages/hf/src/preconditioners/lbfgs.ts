/**
 * The implicit L-BFGS preconditioner: H ≈ A⁻¹ from the curvature pairs that conjugate gradients makes anyway,
 *   s = α p,   y = α A p.
 * Source: Morales & Nocedal 2000; Sainath et al. 2013, §3.3. Two buffers: during run k the preconditioner is the
 * fixed H of run k − 1, and the pairs of run k go to the other buffer, which takes over at the end of the run.
 * (Updating H inside a run from the run's own pairs gains nothing: they are conjugate to the residual.)
 *
 * Differs from the papers in the damping shift: a pair measured at λ is used at λ' as (s, y + (λ' − λ) s), which
 * is exact for A = G + λI and free. Without it H is biased in flat directions by the factor λ / λ'. And in how H is
 * applied: by `blockTwoLoop.ts`, the recursion over all pairs at once.
 */
import { ArgumentError, LifetimeError, disposeTree, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { CurvaturePair } from '../curvaturePair.ts'
import { disposePair } from '../curvaturePair.ts'
import type { StopReason } from '../stopRules/stopRule.ts'
import { blockTwoLoop, blockTwoLoopAfter, blockTwoLoopBefore } from './blockTwoLoop.ts'
import type { DeviceFactors } from './blockTwoLoop.ts'
import { identityPreconditioner } from './identity.ts'
import type { PairFactors } from './pairFactors.ts'
import { pairFactors } from './pairFactors.ts'
import type { PairMatrices } from './pairMatrices.ts'
import { disposeMatrices, pairProducts, selectPairs, shiftMatrices, stackPairs } from './pairMatrices.ts'
import type { PairSelectionRule, PairSelector } from './pairSelection.ts'
import { pairSelector } from './pairSelection.ts'
import type { Preconditioner } from './preconditioner.ts'

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

/** Pairs with y = (G + damping I) s: as the run that made them left them, or as rows of matrices since a run began. */
interface PairsInForce {
  readonly damping: number
  readonly count: number
  readonly collected: readonly CurvaturePair[]
  readonly matrices: PairMatrices | undefined
}

const noPairs: PairsInForce = { damping: 0, count: 0, collected: [], matrices: undefined }

/** What H needs besides the matrices. */
interface Factors extends DeviceFactors {
  readonly gamma: Tensor
}

/** A run under way. */
interface Run {
  readonly damping: number
  readonly initial: Preconditioner | undefined
  readonly select: PairSelector
  /** H of the run; undefined if no pairs are in force. */
  readonly inverse: { readonly matrices: PairMatrices; readonly factors: Factors } | undefined
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
  let inForce = noPairs
  let run: Run | undefined
  let disposed = false

  const requireState = (operation: string, fits: boolean, rule: string): void => {
    if (fits && !disposed) return
    throw new LifetimeError({ operation, rule: disposed ? 'the preconditioner was disposed of' : rule })
  }
  const closeRun = (): void => {
    if (run?.inverse !== undefined) disposeTree(run.inverse.factors)
    run = undefined
  }
  const forget = (): void => {
    inForce.collected.forEach(disposePair)
    if (inForce.matrices !== undefined) disposeMatrices(inForce.matrices)
    inForce = noPairs
  }
  /** Moves the pairs in force to a damping, as matrices, and drops those that the guard refuses. */
  const prepare = async (damping: number): Promise<Run['inverse']> => {
    const { collected, matrices: present, damping: from, count } = inForce
    if (count === 0) return undefined
    const all =
      present === undefined ? stackPairs(collected, damping - from) : shiftMatrices(present, damping - from)
    inForce = { damping, count, collected: [], matrices: all }
    using products = pairProducts(all)
    const epsilon = guard ?? (products.dtype === 'float64' ? 1e-10 : 1e-8)
    const factors = pairFactors(await products.read(), count, epsilon)
    const { kept } = factors
    if (kept.length === 0) {
      forget()
      return undefined
    }
    const matrices = kept.length === count ? all : selectPairs(all, kept)
    inForce = { damping, count: kept.length, collected: [], matrices }
    return { matrices, factors: uploadFactors(factors, scaling, matrices.s) }
  }

  return {
    name: 'lbfgs',
    get isIdentity() {
      // Outside a run this is false, so that a forgotten beginRun fails in apply instead of going unnoticed.
      if (run === undefined || run.inverse !== undefined) return false
      return run.initial === undefined || run.initial.isIdentity === true
    },
    get pairCount() {
      return inForce.count
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
      const inverse = await prepare(damping)
      run = { damping, initial, inverse, select: pairSelector(selection, capacity), collected: [] }
    },
    apply: (residual) => {
      if (run === undefined) throw noRun('apply')
      const { initial, inverse } = run
      if (inverse === undefined) return (initial ?? identity).apply(residual)
      const { matrices, factors } = inverse
      const { gamma, ...recursion } = factors
      if (initial === undefined) return blockTwoLoop(residual, matrices, recursion, gamma)
      const { q, a } = blockTwoLoopBefore(residual, matrices, recursion)
      const w = initial.apply(q)
      q.dispose()
      const result = blockTwoLoopAfter(w, matrices, recursion, a)
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
        forget()
        inForce = { damping, count: collected.length, collected, matrices: undefined }
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

function uploadFactors(
  { inverse, diagonal, gamma }: PairFactors,
  scaling: 'secant' | 'identity',
  { dtype, backend }: Tensor,
): Factors {
  const m = diagonal.length
  return {
    inverse: tensor(inverse, { shape: [m, m], dtype, backend }),
    diagonal: tensor(diagonal, { dtype, backend }),
    gamma: tensor(scaling === 'secant' ? gamma : 1, { dtype, backend }),
  }
}

const noRun = (operation: string): LifetimeError =>
  new LifetimeError({
    operation: `lbfgsPreconditioner.${operation}`,
    rule: 'no run is under way',
    remedy: 'Call `await beginRun({ damping })` before and `endRun(stopReason)` after conjugateGradient',
  })
