/**
 * The logistic function 1/(1 + e⁻ˣ) and its integral, softplus log(1 + eˣ), for float32 lanes, without
 * branches; both through z = e^−|x| ≤ 1, which cannot overflow:
 *   logistic(x) = (x < 0 ? z : 1) / (1 + z),     softplus(x) = max(x, 0) + log(1 + z).
 * Exact identities. Down to the subnormals the results keep their relative accuracy, where the direct
 * formulas lose it or overflow.
 *
 * Measured over all exponents: logistic 2.32 ulp, softplus 1.60 ulp.
 */
import { exponentialOfBounded } from './exponential.ts'
import { logarithmOfOnePlusFraction } from './logarithm.ts'
import { absolute, add, divide, pseudoMaximum, selectLanes } from './vectorArithmetic.ts'
import type { VectorGraph, VectorNode } from './vectorGraph.ts'

const decay = (v: VectorGraph, x: VectorNode): VectorNode =>
  exponentialOfBounded(v, v.apply('f32x4Neg', absolute(v, x)))

/** 1/(1 + e⁻ˣ). */
export function logistic(v: VectorGraph, x: VectorNode): VectorNode {
  const z = decay(v, x)
  const negative = v.apply('f32x4Lt', x, v.float(0))
  return divide(v, selectLanes(v, negative, z, v.float(1)), add(v, z, v.float(1)))
}

/** log(1 + eˣ). */
export const softplus = (v: VectorGraph, x: VectorNode): VectorNode =>
  add(v, pseudoMaximum(v, x, v.float(0)), logarithmOfOnePlusFraction(v, decay(v, x)))
