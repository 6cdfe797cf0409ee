/**
 * The curvature pairs an L-BFGS preconditioner has in force, moved to a new damping and guarded.
 *
 * Shift: pairs of A = G + λI satisfy y = G s + λ s, so at λ' they are (s, y + (λ' − λ) s): exact, one pass, no
 * product. Pairs are kept as measured, with their λ: undamping to G s and damping again would round twice.
 * Guard: a pair is dropped unless s·y > ε ‖s‖ ‖y‖. For semi-definite G and λ' > 0 only rounding, a true Hessian or
 * mixed batches can violate it (Morales & Nocedal 2000; ε is the implementers' choice).
 */
import type { Tensor } from '@hessian-free/tensor'
import { concatenate, jit, tensor } from '@hessian-free/tensor'
import type { CurvaturePair } from '../curvaturePair.ts'
import { disposePair } from '../curvaturePair.ts'

/** Pairs, oldest first, with y = (G + damping I) s. */
export interface PairSet {
  readonly damping: number
  readonly pairs: readonly CurvaturePair[]
}

export interface ShiftedPairSet {
  readonly set: PairSet
  /** [s·y, y·y, s·s] for each pair, one after the other; undefined for no pairs. */
  readonly products: Tensor | undefined
}

export interface GuardedPairSet {
  readonly set: PairSet
  /** 1 / s·y of each pair. */
  readonly rho: readonly number[]
  /** s·y / y·y of the newest pair; 1 without pairs. */
  readonly gamma: number
}

const shift = jit(
  (s: readonly Tensor[], y: readonly Tensor[], by: Tensor): { y: readonly Tensor[]; products: Tensor } => {
    const shifted = y.map((vector, i) => vector.add(s[i].multiply(by)))
    const products = shifted.flatMap((vector, i) => [
      s[i].multiply(vector).sum(),
      vector.square().sum(),
      s[i].square().sum(),
    ])
    return { y: shifted, products: concatenate(products.map((scalar) => scalar.reshape([1]))) }
  },
  { name: 'shiftPairs', donate: [1] },
)

/** Moves pairs to another damping in place: the y of `set` are consumed. */
export function shiftPairSet({ damping: from, pairs }: PairSet, damping: number): ShiftedPairSet {
  if (pairs.length === 0) return { set: { damping, pairs }, products: undefined }
  const { dtype, backend } = pairs[0].s
  using by = tensor(damping - from, { dtype, backend })
  const shifted = shift(
    pairs.map(({ s }) => s),
    pairs.map(({ y }) => y),
    by,
  )
  const moved = pairs.map(({ iteration, s }, i) => ({ iteration, s, y: shifted.y[i] }))
  return { set: { damping, pairs: moved }, products: shifted.products }
}

/** Drops and frees the pairs that the guard refuses; consumes `products`. */
export async function guardPairSet(
  { set, products }: ShiftedPairSet,
  guard: number | undefined,
): Promise<GuardedPairSet> {
  if (products === undefined) return { set, rho: [], gamma: 1 }
  const epsilon = guard ?? (products.dtype === 'float64' ? 1e-10 : 1e-8)
  const values = await products.read().finally(() => products.dispose())
  const kept: CurvaturePair[] = []
  const rho: number[] = []
  let gamma = 1
  for (const [i, pair] of set.pairs.entries()) {
    const [sy, yy, ss] = [values[3 * i], values[3 * i + 1], values[3 * i + 2]]
    const positive = sy > epsilon * Math.sqrt(ss) * Math.sqrt(yy) && Number.isFinite(1 / sy)
    if (!positive) {
      disposePair(pair)
      continue
    }
    kept.push(pair)
    rho.push(1 / sy)
    gamma = sy / yy
  }
  return { set: { damping: set.damping, pairs: kept }, rho, gamma }
}
