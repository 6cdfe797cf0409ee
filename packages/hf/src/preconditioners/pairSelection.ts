/**
 * Which of the curvature pairs of a conjugate gradient run are kept when there are more than the memory holds:
 *  - 'last': the newest m, in a ring. The choice of Sainath et al. 2013.
 *  - 'first': the oldest m.
 *  - 'uniform': spread evenly over a run of unknown length, the SAMPLE rule of Morales & Nocedal 2000.
 *
 * SAMPLE, m even, iterations counted from 0: keep 0 … m−1; in cycle c = 1, 2, … let ℓ = k / 2ᶜ − m/2 + 1; if ℓ is
 * an integer in [1, m/2], iteration k takes the place of iteration (2ℓ − 1) 2ᶜ⁻¹, and ℓ = m/2 ends the cycle. The
 * kept iterations are then nearly equally spaced multiples of 2ᶜ.
 */
import { ArgumentError } from '@hessian-free/tensor'

export type PairSelectionRule = 'last' | 'first' | 'uniform'

/** What becomes of the pair of an iteration: kept beside the others, kept in the place of one, or not kept. */
export type PairDecision = { readonly keep: boolean; readonly replaces?: number }

/** Asked once for each iteration 0, 1, 2, … of a run. */
export type PairSelector = (iteration: number) => PairDecision

/**
 * A selector for one run.
 * @param capacity m, the pairs that fit.
 * @throws {ArgumentError} unless m is a positive integer, and even for 'uniform'.
 */
export function pairSelector(rule: PairSelectionRule, capacity: number): PairSelector {
  if (!Number.isInteger(capacity) || capacity < 1 || (rule === 'uniform' && capacity % 2 !== 0)) {
    throw new ArgumentError({
      operation: 'lbfgsPreconditioner',
      rule: `the number of pairs must be a positive${rule === 'uniform' ? ', even' : ''} integer`,
      found: String(capacity),
    })
  }
  if (rule === 'uniform') return sampleSelector(capacity)
  return (iteration) => {
    if (iteration < capacity) return { keep: true }
    return rule === 'first' ? { keep: false } : { keep: true, replaces: iteration - capacity }
  }
}

function sampleSelector(capacity: number): PairSelector {
  let cycle = 1
  return (iteration) => {
    if (iteration < capacity) return { keep: true }
    const slot = iteration / 2 ** cycle - capacity / 2 + 1
    if (!Number.isInteger(slot) || slot < 1 || slot > capacity / 2) return { keep: false }
    const replaces = (2 * slot - 1) * 2 ** (cycle - 1)
    if (slot === capacity / 2) cycle++
    return { keep: true, replaces }
  }
}
