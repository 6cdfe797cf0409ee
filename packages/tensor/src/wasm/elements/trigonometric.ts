/**
 * sin x and cos x for float32 lanes, without branches:
 *   x = k·π/2 + r,  |r| ≤ π/4,  sin r = r + r³·S(r²),  cos r = 1 − r²/2 + r⁴·C(r²),
 * and k mod 4 chooses between the two and their signs. The reduction is in float64 with π/2 in two parts, the
 * first of 33 bits (the constants of FreeBSD's rem_pio2), so that k times it is exact for |x| up to 1.6e6.
 *
 * S and C are minimax polynomials (Remez, relative errors 2^−27.9 and 2^−33.0 after rounding to float32).
 * Measured: 1.55 ulp for |x| ≤ 1e6. Beyond, the absolute error grows as 2⁻⁵³·|x|; from about 2⁵⁰ on the result is
 * only known to lie in [−1, 1]. ±∞ gives NaN.
 */
import {
  add,
  addIntegers,
  bitAnd,
  bitOr,
  bitXor,
  multiply,
  polynomial,
  pseudoMaximum,
  pseudoMinimum,
  selectLanes,
  signBits,
  subtract,
} from './vectorArithmetic.ts'
import type { VectorGraph, VectorNode } from './vectorGraph.ts'

/** Adding it to |x| < 2⁵¹ rounds to the nearest integer and leaves that integer in the low bits. */
const roundingShift = 1.5 * 2 ** 52
const halfPiHigh = 1.57079632673412561417
const halfPiLow = 6.07710050650619224932e-11
const sineSeries = [-0.16666655242443085, 0.008332189172506332, -0.0001951829035533592]
const cosineSeries = [0.04166664555668831, -0.0013887309469282627, 2.4432327336398885e-5]

interface QuarterTurns {
  readonly remainder: VectorNode
  /** Integer lanes whose low two bits are k mod 4. */
  readonly turns: VectorNode
}

/** Two lanes at a time in float64. */
function reduceHalf(v: VectorGraph, low: VectorNode): QuarterTurns {
  const x = v.apply('f64x2PromoteLowF32x4', low)
  const turns = v.apply('f64x2Add', v.apply('f64x2Mul', x, v.double(2 / Math.PI)), v.double(roundingShift))
  const k = v.apply('f64x2Sub', turns, v.double(roundingShift))
  const high = v.apply('f64x2Sub', x, v.apply('f64x2Mul', k, v.double(halfPiHigh)))
  const remainder = v.apply('f64x2Sub', high, v.apply('f64x2Mul', k, v.double(halfPiLow)))
  return { remainder: v.apply('f32x4DemoteF64x2Zero', remainder), turns }
}

function reduceQuarterTurns(v: VectorGraph, x: VectorNode): QuarterTurns {
  const low = reduceHalf(v, x)
  const high = reduceHalf(v, v.shuffle(x, x, [2, 3, 2, 3]))
  const remainder = v.shuffle(low.remainder, high.remainder, [0, 1, 4, 5])
  // Only an argument too large to reduce leaves ±π/4; its result shall still lie in [−1, 1].
  const bounded = pseudoMaximum(v, pseudoMinimum(v, remainder, v.float(0.7854)), v.float(-0.7854))
  return { remainder: bounded, turns: v.shuffle(low.turns, high.turns, [0, 2, 4, 6]) }
}

/** sin(r + turns·π/2). */
function sineOfReduced(v: VectorGraph, r: VectorNode, turns: VectorNode): VectorNode {
  const z = multiply(v, r, r)
  const s = add(v, r, multiply(v, multiply(v, r, z), polynomial(v, z, sineSeries)))
  const sine = bitOr(v, s, signBits(v, r))
  const tail = multiply(v, multiply(v, z, z), polynomial(v, z, cosineSeries))
  const cosine = add(v, subtract(v, v.float(1), multiply(v, z, v.float(0.5))), tail)
  const odd = v.apply('i32x4Eq', bitAnd(v, turns, v.integer(1)), v.integer(1))
  const sign = v.shift('i32x4Shl', bitAnd(v, turns, v.integer(2)), 30)
  return bitXor(v, selectLanes(v, odd, cosine, sine), sign)
}

/** sin x. */
export function sine(v: VectorGraph, x: VectorNode): VectorNode {
  const { remainder, turns } = reduceQuarterTurns(v, x)
  return sineOfReduced(v, remainder, turns)
}

/** cos x = sin(x + π/2). */
export function cosine(v: VectorGraph, x: VectorNode): VectorNode {
  const { remainder, turns } = reduceQuarterTurns(v, x)
  return sineOfReduced(v, remainder, addIntegers(v, turns, v.integer(1)))
}
