/**
 * The two-loop recursion over all pairs at once: z = H v for S, Y [m, n], the pairs as rows, oldest first. With
 * R_ij = s_i·y_j (i ≤ j), D = diag(s_i·y_i) and T = R⁻¹ (`pairFactors.ts`) the loops are
 *
 *   first:   a = T S v,            q = v − Yᵀ a          (back substitution: R a = S v)
 *   second:  z = w + Sᵀ Tᵀ (D a − Y w),   w = H₀ q       (forward substitution)
 *
 * so H = (I − Yᵀ T S)ᵀ H₀ (I − Yᵀ T S) + Sᵀ Tᵀ D T S: Byrd, Nocedal & Schnabel 1994, eq. 2.6, factored. Differs from
 * their eq. 3.1, which multiplies it out for H₀ = γI: factored it needs no YᵀY, takes any H₀, and is symmetric and
 * positive definite for every T, so that rounding in T cannot make it indefinite. S is read twice and Y, span by span
 * while it is in a cache, once: 3 m n numbers instead of the 4 m n of `twoLoopRecursion.ts`, in few kernels.
 */
import type { Tensor } from '@hessian-free/tensor'
import { jit } from '@hessian-free/tensor'
import {
  blockProducts,
  cachedSpans,
  combination,
  innerProducts,
  joinSpans,
  spanOfMatrix,
  spanOfVector,
  sumOfBlocks,
  wholeSpans,
} from './parameterBlocks.ts'
import type { PairMatrices } from './pairMatrices.ts'

/** T = R⁻¹ [m, m] and the diagonal of D [m]. */
export interface DeviceFactors {
  readonly inverse: Tensor
  readonly diagonal: Tensor
}

/** Tᵀ (D a − t). */
const secondCoefficients = ({ inverse, diagonal }: DeviceFactors, a: Tensor, t: Tensor): Tensor =>
  inverse.transpose().dot(diagonal.multiply(a).subtract(t))

/** w + Sᵀ e. */
const addSteps = (w: Tensor, s: Tensor, e: Tensor): Tensor =>
  joinSpans(
    wholeSpans(w.size).map((span) => spanOfVector(w, span).add(combination(e, spanOfMatrix(s, span)))),
  )

/** z = H v with H₀ = γ I; `gamma` is a scalar, and the vectors are only read. */
export const blockTwoLoop = jit(
  (v: Tensor, { s, y }: PairMatrices, factors: DeviceFactors, gamma: Tensor): Tensor => {
    const a = factors.inverse.dot(innerProducts(s, v))
    const parts = cachedSpans(v.size, s.shape[0]).map((span) => {
      const part = spanOfMatrix(y, span)
      const w = spanOfVector(v, span).subtract(combination(a, part)).multiply(gamma)
      return { w, products: blockProducts(part, w) }
    })
    const t = sumOfBlocks(parts.map(({ products }) => products))
    return addSteps(joinSpans(parts.map(({ w }) => w)), s, secondCoefficients(factors, a, t))
  },
  { name: 'blockTwoLoop' },
)

/** The half before H₀, for an H₀ that is a program of its own: q and a. */
export const blockTwoLoopBefore = jit(
  (v: Tensor, { s, y }: PairMatrices, { inverse }: DeviceFactors): { q: Tensor; a: Tensor } => {
    const a = inverse.dot(innerProducts(s, v))
    const q = wholeSpans(v.size).map((span) =>
      spanOfVector(v, span).subtract(combination(a, spanOfMatrix(y, span))),
    )
    return { q: joinSpans(q), a }
  },
  { name: 'blockTwoLoopBefore' },
)

/** The half after H₀; consumes w = H₀ q. */
export const blockTwoLoopAfter = jit(
  (w: Tensor, { s, y }: PairMatrices, factors: DeviceFactors, a: Tensor): Tensor =>
    addSteps(w, s, secondCoefficients(factors, a, innerProducts(y, w))),
  { name: 'blockTwoLoopAfter', donate: [0] },
)
