/**
 * The two-loop recursion: z = H v for the L-BFGS inverse H of curvature pairs (s_i, y_i), i = 1 (oldest) … m,
 *
 *   q = v;   for i = m … 1:  a_i = ρ_i s_i·q,  q −= a_i y_i          ρ_i = 1 / s_i·y_i
 *   z = H₀ q;  for i = 1 … m:  z += (a_i − ρ_i y_i·z) s_i
 *
 * Source: Nocedal & Wright, algorithm 7.4. The pairs of one conjugate gradient run are A-conjugate, which invites
 * shorter block formulas; they break once conjugacy is lost (after some twenty iterations), the recursion does
 * not. Unrolled into one compiled program per number of pairs; pairs are separate tensors, so that taking one over
 * from conjugate gradients copies nothing and each kernel binds few buffers. Every inner product is one reduction
 * with ρ_i folded into it. Cost: 4 m n multiply-adds.
 */
import type { Tensor } from '@hessian-free/tensor'
import { concatenate, jit } from '@hessian-free/tensor'

/** Pairs as lists of vectors, oldest first. */
export interface Pairs {
  readonly s: readonly Tensor[]
  readonly y: readonly Tensor[]
}

/** A scalar out of a vector of them. */
const element = (vector: Tensor, position: number): Tensor =>
  vector.slice([position], [position + 1]).reshape([])

/** ρ a·b. */
const scaledInner = (rho: Tensor, a: Tensor, b: Tensor): Tensor => a.multiply(b).sum().multiply(rho)

function firstLoop(v: Tensor, { s, y }: Pairs, rho: Tensor): { q: Tensor; a: readonly Tensor[] } {
  const a: Tensor[] = []
  let q = v
  for (let i = s.length - 1; i >= 0; i--) {
    a[i] = scaledInner(element(rho, i), s[i], q)
    q = q.subtract(y[i].multiply(a[i]))
  }
  return { q, a }
}

function secondLoop(start: Tensor, { s, y }: Pairs, rho: Tensor, a: (i: number) => Tensor): Tensor {
  let z = start
  for (let i = 0; i < s.length; i++) {
    z = z.add(s[i].multiply(a(i).subtract(scaledInner(element(rho, i), y[i], z))))
  }
  return z
}

/** z = H v with H₀ = γ I. `rho` holds ρ_1 … ρ_m, `gamma` is a scalar; the vectors are only read. */
export const twoLoopRecursion = jit(
  (v: Tensor, pairs: Pairs, rho: Tensor, gamma: Tensor): Tensor => {
    const { q, a } = firstLoop(v, pairs, rho)
    return secondLoop(q.multiply(gamma), pairs, rho, (i) => a[i])
  },
  { name: 'twoLoopRecursion' },
)

/** The half before H₀, for an H₀ that is a program of its own: q, and a_1 … a_m as one vector. */
export const twoLoopBefore = jit(
  (v: Tensor, pairs: Pairs, rho: Tensor): { q: Tensor; a: Tensor } => {
    const { q, a } = firstLoop(v, pairs, rho)
    return { q, a: concatenate(a.map((scalar) => scalar.reshape([1]))) }
  },
  { name: 'twoLoopBefore' },
)

/** The half after H₀; consumes z = H₀ q. */
export const twoLoopAfter = jit(
  (z: Tensor, pairs: Pairs, rho: Tensor, a: Tensor): Tensor =>
    secondLoop(z, pairs, rho, (i) => element(a, i)),
  { name: 'twoLoopAfter', donate: [0] },
)
