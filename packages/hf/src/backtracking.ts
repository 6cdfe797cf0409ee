/**
 * Backtracking over the stored iterates d_1, …, d_N of a conjugate gradient run: the last one minimises the model
 * best, an earlier one may have a lower loss. Three rules, all from the last iterate backwards:
 *  - 'untilWorse': go back while the loss does not rise. Martens 2010, §4.6, and his code.
 *  - 'untilImprovedThenWorse': go back at least until the loss is below that of θ itself, then while it falls.
 *    Kingsbury, Sainath & Soltau 2012, algorithm 1.
 *  - 'best': evaluate all and take the lowest. Dearer, for comparison.
 * A loss that is NaN counts as +∞.
 */
import { ArgumentError } from '@hessian-free/tensor'

export type BacktrackingRule = 'untilWorse' | 'untilImprovedThenWorse' | 'best'

export interface BacktrackingOptions<T> {
  /** Candidates in the order of the run; the last is tried first. */
  readonly iterates: readonly T[]
  /** f(θ + d). */
  readonly loss: (iterate: T, index: number) => Promise<number> | number
  /** f(θ): 'untilImprovedThenWorse' compares with it. */
  readonly initialLoss: number
  /** Default 'untilWorse'. */
  readonly rule?: BacktrackingRule
  /** Stops going back, keeping the best of what was evaluated. The last iterate is evaluated in any case. */
  readonly signal?: AbortSignal
  readonly onEvaluation?: (evaluation: { readonly index: number; readonly loss: number }) => void
}

export interface BacktrackingResult<T> {
  readonly rule: BacktrackingRule
  readonly chosen: T
  /** Position of `chosen` among the iterates. */
  readonly index: number
  /** f(θ + chosen); +∞ where it was NaN. */
  readonly loss: number
  /** Whether the loss is below that of θ. */
  readonly improved: boolean
  readonly evaluations: number
}

/** @throws {ArgumentError} without iterates. @throws whatever `loss` throws. */
export async function backtrack<T>(options: BacktrackingOptions<T>): Promise<BacktrackingResult<T>> {
  const { iterates, initialLoss, rule = 'untilWorse', signal, onEvaluation } = options
  if (iterates.length === 0) {
    throw new ArgumentError({
      operation: 'backtrack',
      rule: 'there must be at least one iterate',
      found: '0',
    })
  }
  let evaluations = 0
  const lossAt = async (index: number): Promise<number> => {
    const loss = await options.loss(iterates[index], index)
    evaluations++
    onEvaluation?.({ index, loss })
    return Number.isNaN(loss) ? Infinity : loss
  }

  let index = iterates.length - 1
  let loss = await lossAt(index)
  for (let candidate = index - 1; candidate >= 0 && signal?.aborted !== true; candidate--) {
    const candidateLoss = await lossAt(candidate)
    if (rule !== 'best' && shouldStop(rule, candidateLoss, loss, initialLoss)) break
    if (rule === 'best' && !(candidateLoss < loss)) continue
    index = candidate
    loss = candidateLoss
  }
  return { rule, chosen: iterates[index], index, loss, improved: loss < initialLoss, evaluations }
}

/** Whether `candidate` ends the search in favour of the iterate after it, whose loss is `current`. */
function shouldStop(
  rule: Exclude<BacktrackingRule, 'best'>,
  candidate: number,
  current: number,
  initial: number,
): boolean {
  if (rule === 'untilWorse') return candidate > current
  return initial >= current && candidate >= current
}
