/**
 * eˣ and eˣ − 1 for float32 lanes, without branches:
 *   x = k·ln 2 + r,  |r| ≤ ½ ln 2,   eˣ = 2ᵏ·(1 + r + r²·q(r)),   eˣ − 1 = 2ᵏ·(r + r²·q(r)) + (2ᵏ − 1).
 * Reduction after Cody & Waite (Software Manual for the Elementary Functions, 1980, ch. 6): ln 2 in two parts, the
 * first with 9 significant bits, so that k times it is exact. k is found by adding 1.5·2²³, which also leaves
 * it in the low bits, ready to become an exponent.
 *
 * q is the minimax polynomial (linear program over 600 Chebyshev points, coefficients rounded to float32 one
 * after the other, lowest order first). Relative error of the approximation: 2^−28.2 for eˣ (degree 4),
 * 2^−31.1 for eˣ − 1 (degree 5). Measured over all exponents: eˣ 0.99 ulp, eˣ − 1 1.40 ulp, subnormals included.
 */
import {
  add,
  addIntegers,
  bitOr,
  multiply,
  polynomial,
  pseudoMaximum,
  pseudoMinimum,
  signBits,
  subtract,
  subtractIntegers,
} from './vectorArithmetic.ts'
import type { VectorGraph, VectorNode } from './vectorGraph.ts'

/** Adding it to |x| < 2²² rounds to the nearest integer and leaves that integer in the low bits. */
const roundingShift = 1.5 * 2 ** 23
const roundingShiftBits = 0x4b400000
const ln2High = 0.693359375
const ln2Low = Math.LN2 - ln2High
const one = 0x3f800000

const exponentialTail = [
  0.4999999403953552, 0.1666652113199234, 0.04166827350854874, 0.008368682116270065, 0.0013820042368024588,
]
const minusOneTail = [
  0.5, 0.1666666567325592, 0.04166649281978607, 0.008333544246852398, 0.0013932340079918504,
  0.00019763429008889943,
]
/** Relative to eʳ − 1, 2^−26.1: one coefficient fewer where the rounding that follows is larger anyway. */
export const shortMinusOneTail = [
  0.4999999701976776, 0.1666654646396637, 0.04166743531823158, 0.00836627185344696, 0.0013870701659470797,
]

export interface ReducedExponent {
  /** r, |r| ≤ ½ ln 2. */
  readonly remainder: VectorNode
  /** The bits of 1.5·2²³ + k. */
  readonly shifted: VectorNode
}

/** x = k·ln 2 + r; |x| < 2²⁰. */
export function reduceExponent(v: VectorGraph, x: VectorNode): ReducedExponent {
  const shifted = add(v, multiply(v, x, v.float(Math.LOG2E)), v.float(roundingShift))
  const k = subtract(v, shifted, v.float(roundingShift))
  const high = subtract(v, x, multiply(v, k, v.float(ln2High)))
  return { remainder: subtract(v, high, multiply(v, k, v.float(ln2Low))), shifted }
}

/** eʳ − 1 = r + r²·q(r). */
export const reducedMinusOne = (v: VectorGraph, r: VectorNode, tail: readonly number[]): VectorNode =>
  add(v, multiply(v, multiply(v, r, r), polynomial(v, r, tail)), r)

/** 2ᵏ for −126 ≤ k ≤ 127: the low bits of `shifted` moved into the exponent. */
export const powerOfTwo = (v: VectorGraph, shifted: VectorNode): VectorNode =>
  addIntegers(v, v.shift('i32x4Shl', shifted, 23), v.integer(one))

/** y·2ᵏ for |k| ≤ 250 with one rounding, in two steps because 2ᵏ itself may be out of range. */
function scaleByPowerOfTwo(v: VectorGraph, y: VectorNode, shifted: VectorNode): VectorNode {
  const k = subtractIntegers(v, shifted, v.integer(roundingShiftBits))
  const half = v.shift('i32x4ShrS', k, 1)
  const first = powerOfTwo(v, half)
  const second = powerOfTwo(v, subtractIntegers(v, k, half))
  return multiply(v, multiply(v, y, first), second)
}

/** eˣ for x that is not above 89 (NaN stays NaN). */
export function exponentialOfBounded(v: VectorGraph, x: VectorNode): VectorNode {
  // Below −104 every result rounds to zero.
  const { remainder, shifted } = reduceExponent(v, pseudoMaximum(v, x, v.float(-104.5)))
  const y = add(v, reducedMinusOne(v, remainder, exponentialTail), v.float(1))
  return scaleByPowerOfTwo(v, y, shifted)
}

/** eˣ. */
export const exponential = (v: VectorGraph, x: VectorNode): VectorNode =>
  exponentialOfBounded(v, pseudoMinimum(v, x, v.float(89)))

/** eˣ − 1, accurate near 0; the sign of a zero is kept. */
export function exponentialMinusOne(v: VectorGraph, x: VectorNode): VectorNode {
  const bounded = pseudoMaximum(v, pseudoMinimum(v, x, v.float(89)), v.float(-20))
  const { remainder, shifted } = reduceExponent(v, bounded)
  const y = reducedMinusOne(v, remainder, minusOneTail)
  // 2ᵏ⁻¹ instead of 2ᵏ, because k may be 128.
  const half = addIntegers(v, v.shift('i32x4Shl', shifted, 23), v.integer(one - (1 << 23)))
  const halved = add(v, multiply(v, half, y), subtract(v, half, v.float(0.5)))
  return bitOr(v, add(v, halved, halved), signBits(v, x))
}
