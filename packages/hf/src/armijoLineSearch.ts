/**
 * Backtracking line search with Armijo's condition: the largest α = 0.8ᵗ, t = 0, 1, …, 59, with
 *   f(θ + α d) ≤ f(θ) + c α g·d,     c = 10⁻²
 * Source: Nocedal & Wright, algorithm 3.1, with the constants of Martens' code; after 60 reductions the step is
 * rejected. It differs in refusing a direction that does not descend (g·d ≥ 0), for which the condition would
 * admit an increase. A loss that is NaN counts as +∞.
 */
import { ArgumentError } from '@hessian-free/tensor'

export interface ArmijoLineSearchOptions {
  /** f(θ + α d). */
  readonly loss: (rate: number) => Promise<number> | number
  /** f(θ). */
  readonly initialLoss: number
  /** g·d. */
  readonly slope: number
  /** f(θ + d), if it is known: saves one evaluation. */
  readonly fullStepLoss?: number
  /** c in [0, 1); default 1e-2. */
  readonly constant?: number
  /** Ratio of successive rates, in (0, 1); default 0.8. */
  readonly factor?: number
  /** Default 60. */
  readonly maximumReductions?: number
  /** Ends the search with outcome 'aborted' before the next evaluation. */
  readonly signal?: AbortSignal
  readonly onEvaluation?: (evaluation: { readonly rate: number; readonly loss: number }) => void
}

/** 'rejected': no rate passed; 'notDescent': g·d ≥ 0 or NaN. Both, like 'aborted', leave θ where it is. */
export type LineSearchOutcome = 'fullStep' | 'shortened' | 'rejected' | 'notDescent' | 'aborted'

export interface LineSearchResult {
  readonly outcome: LineSearchOutcome
  /** α; 0 unless a rate passed. */
  readonly rate: number
  /** f(θ + α d). */
  readonly loss: number
  /** How often the rate was reduced. */
  readonly reductions: number
  /** Losses computed, not counting `fullStepLoss`. */
  readonly evaluations: number
}

/**
 * @throws {ArgumentError} for constants outside their range or an initial loss that is not finite.
 * @throws whatever `loss` throws.
 */
export async function armijoLineSearch(options: ArmijoLineSearchOptions): Promise<LineSearchResult> {
  const { loss, initialLoss, slope, fullStepLoss, signal, onEvaluation } = options
  const { constant = 1e-2, factor = 0.8, maximumReductions = 60 } = options
  if (!(constant >= 0 && constant < 1 && factor > 0 && factor < 1 && maximumReductions >= 1)) {
    throw new ArgumentError({
      operation: 'armijoLineSearch',
      rule: 'needs a constant in [0, 1), a factor in (0, 1) and at least one reduction',
      found: `constant ${constant}, factor ${factor}, maximumReductions ${maximumReductions}`,
    })
  }
  if (!Number.isFinite(initialLoss)) {
    throw new ArgumentError({
      operation: 'armijoLineSearch',
      rule: 'the initial loss must be finite',
      found: String(initialLoss),
    })
  }
  let evaluations = 0
  const stay = (outcome: LineSearchOutcome, reductions: number): LineSearchResult => ({
    outcome,
    rate: 0,
    loss: initialLoss,
    reductions,
    evaluations,
  })
  if (!(slope < 0)) return stay('notDescent', 0)

  let rate = 1
  for (let reductions = 0; reductions < maximumReductions; reductions++) {
    if (signal?.aborted === true) return stay('aborted', reductions)
    let value = reductions === 0 ? fullStepLoss : undefined
    if (value === undefined) {
      value = await loss(rate)
      evaluations++
    }
    onEvaluation?.({ rate, loss: value })
    if (value <= initialLoss + constant * rate * slope) {
      return {
        outcome: reductions === 0 ? 'fullStep' : 'shortened',
        rate,
        loss: value,
        reductions,
        evaluations,
      }
    }
    rate *= factor
  }
  return stay('rejected', maximumReductions)
}
