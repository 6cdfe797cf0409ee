/**
 * The two-loop recursion pair by pair: z = H v for the L-BFGS inverse H of curvature pairs (s_i, y_i), i = 1 (oldest) … m,
 *
 *   q = v;   for i = m … 1:  a_i = ρ_i s_i·q,  q −= a_i y_i          ρ_i = 1 / s_i·y_i
 *   z = γ q;  for i = 1 … m:  z += (a_i − ρ_i y_i·z) s_i
 *
 * Source: Nocedal & Wright, algorithm 7.4. Unrolled into one compiled program per number of pairs; pairs are separate
 * vectors, and every inner product is one reduction with ρ_i folded into it. Cost: 4 m n multiply-adds, four readings of
 * every pair in three kernels a pair. `lbfgsPreconditioner` applies the same H by `blockTwoLoop.ts`, which reads less;
 * this form is the yardstick of its accuracy and speed.
 */
import type { Tensor } from '@hessian-free/tensor'
import { jit } from '@hessian-free/tensor'

/** Pairs as lists of vectors, oldest first. */
export interface PairVectors {
  readonly s: readonly Tensor[]
  readonly y: readonly Tensor[]
}

/** A scalar out of a vector of them. */
const element = (vector: Tensor, position: number): Tensor =>
  vector.slice([position], [position + 1]).reshape([])

/** ρ a·b. */
const scaledInner = (rho: Tensor, a: Tensor, b: Tensor): Tensor => a.multiply(b).sum().multiply(rho)

/** z = H v with H₀ = γ I. `rho` holds ρ_1 … ρ_m, `gamma` is a scalar; the vectors are only read. */
export const twoLoopRecursion = jit(
  (v: Tensor, { s, y }: PairVectors, rho: Tensor, gamma: Tensor): Tensor => {
    const a: Tensor[] = []
    let q = v
    for (let i = s.length - 1; i >= 0; i--) {
      a[i] = scaledInner(element(rho, i), s[i], q)
      q = q.subtract(y[i].multiply(a[i]))
    }
    let z = q.multiply(gamma)
    for (let i = 0; i < s.length; i++) {
      z = z.add(s[i].multiply(a[i].subtract(scaledInner(element(rho, i), y[i], z))))
    }
    return z
  },
  { name: 'twoLoopRecursion' },
)
