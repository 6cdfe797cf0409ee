/**
 * log x and log(1 + x) for float32 lanes, without branches:
 *   x = 2ᵏ·m,  √½ ≤ m < √2,  f = m − 1,  s = f / (2 + f),
 *   log(1 + f) = f − (h − s·(h + R(s²))),  h = ½f²,  R(z) = c₁z + c₂z² + c₃z³ ≈ log((1 + s)/(1 − s))/s − 2.
 * The form of the sum is that of Tang, "Table-driven implementation of the logarithm function", ACM TOMS 16 (1990), §2, as in
 * FreeBSD's logf. For log(1 + x) the rounding error c of u = 1 + x is found exactly (Knuth's two-sum) and put
 * back into the reduced argument, f = (2⁻ᵏu − 1) + 2⁻ᵏc, where FreeBSD corrects the result by c/u.
 *
 * R is the minimax polynomial (Remez, relative error 2^−30.2 of the logarithm, coefficients rounded to float32).
 * Measured over all exponents: log 0.84 ulp, log1p 1.38 ulp, subnormals included.
 */
import {
  absolute,
  add,
  bitAnd,
  bitOr,
  divide,
  multiply,
  polynomial,
  selectLanes,
  signBits,
  subtract,
  subtractIntegers,
} from './vectorArithmetic.ts'
import type { VectorGraph, VectorNode } from './vectorGraph.ts'

const one = 0x3f800000
const squareRootOfHalf = 0x3f3504f3
/** 16 significant bits: k times it is exact. */
const ln2High = 0.693145751953125
const ln2Low = Math.LN2 - ln2High
const series = [0.6666677594184875, 0.39977583289146423, 0.2987079620361328]

interface Exponent {
  /** k as integer lanes. */
  readonly exponent: VectorNode
  /** m, √½ ≤ m < √2. */
  readonly mantissa: VectorNode
}

/** x = 2ᵏ·m for positive normal x. */
export function splitExponent(v: VectorGraph, x: VectorNode): Exponent {
  const exponent = v.shift('i32x4ShrS', subtractIntegers(v, x, v.integer(squareRootOfHalf)), 23)
  return { exponent, mantissa: subtractIntegers(v, x, v.shift('i32x4Shl', exponent, 23)) }
}

/** x, or x·2²⁵ where x is subnormal, with the power of two that was put in (as float32 lanes, 0 or −25). */
export function normalize(
  v: VectorGraph,
  x: VectorNode,
): { readonly normal: VectorNode; readonly added: VectorNode } {
  const subnormal = v.apply('f32x4Lt', x, v.float(2 ** -126))
  const normal = selectLanes(v, subnormal, multiply(v, x, v.float(2 ** 25)), x)
  return { normal, added: bitAnd(v, subnormal, v.float(-25)) }
}

/** k·ln 2 + log(1 + f), k as float32 lanes. */
function assemble(v: VectorGraph, f: VectorNode, k: VectorNode): VectorNode {
  const s = divide(v, f, add(v, f, v.float(2)))
  const z = multiply(v, s, s)
  const r = multiply(v, z, polynomial(v, z, series))
  const h = multiply(v, multiply(v, f, v.float(0.5)), f)
  const low = add(v, multiply(v, s, add(v, h, r)), multiply(v, k, v.float(ln2Low)))
  return add(v, multiply(v, k, v.float(ln2High)), subtract(v, f, subtract(v, h, low)))
}

/** −∞ where `argument` is 0, NaN where it is negative, `argument` itself where it is ∞ or NaN. */
function withSpecialValues(v: VectorGraph, value: VectorNode, argument: VectorNode): VectorNode {
  const finite = v.apply('f32x4Lt', argument, v.float(Infinity))
  const upper = selectLanes(v, finite, value, argument)
  const zero = v.apply('f32x4Eq', argument, v.float(0))
  const lower = selectLanes(v, zero, v.float(-Infinity), upper)
  return bitOr(v, lower, v.apply('f32x4Lt', argument, v.float(0)))
}

/** log x. */
export function logarithm(v: VectorGraph, x: VectorNode): VectorNode {
  const { normal, added } = normalize(v, x)
  const { exponent, mantissa } = splitExponent(v, normal)
  const k = add(v, v.apply('f32x4ConvertI32x4S', exponent), added)
  return withSpecialValues(v, assemble(v, subtract(v, mantissa, v.float(1)), k), x)
}

/** log(u + c), |c| at most half a unit of u; c counts where `counts` is all ones. */
function logarithmOfSum(v: VectorGraph, u: VectorNode, c: VectorNode, counts?: VectorNode): VectorNode {
  const { exponent, mantissa } = splitExponent(v, u)
  const inverse = subtractIntegers(v, v.integer(one), v.shift('i32x4Shl', exponent, 23))
  const correction = multiply(v, c, inverse)
  const counted = counts === undefined ? correction : bitAnd(v, counts, correction)
  const f = add(v, subtract(v, mantissa, v.float(1)), counted)
  return assemble(v, f, v.apply('f32x4ConvertI32x4S', exponent))
}

/** log(1 + x) for 0 ≤ x ≤ 1 or NaN. */
export function logarithmOfOnePlusFraction(v: VectorGraph, x: VectorNode): VectorNode {
  const u = add(v, x, v.float(1))
  const c = subtract(v, x, subtract(v, u, v.float(1)))
  return logarithmOfSum(v, u, c)
}

/** log(1 + x), accurate near 0; the sign of a zero is kept. */
export function logarithmOfOnePlus(v: VectorGraph, x: VectorNode): VectorNode {
  const u = add(v, x, v.float(1))
  const rounded = subtract(v, u, v.float(1))
  const error = add(v, subtract(v, v.float(1), subtract(v, u, rounded)), subtract(v, x, rounded))
  // From 2²⁶ on the correction does not count, and its scale factor would leave the range of float32.
  const small = v.apply('f32x4Lt', absolute(v, x), v.float(2 ** 26))
  const value = logarithmOfSum(v, u, error, small)
  return bitOr(v, withSpecialValues(v, value, u), signBits(v, x))
}
