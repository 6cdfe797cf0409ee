/**
 * xʸ for float32 lanes, without branches, with the special values of Math.pow:
 *   |x|ʸ = 2^(y·log₂|x|),  |x| = 2ᵏ·m,  log₂ m = s·P(s²),  s = (m − 1)/(m + 1).
 * float32 has no room for the digits that y·log₂|x| loses, so from the logarithm to the last rounding the
 * computation is in float64, two lanes at a time (where C libraries without fast float64 carry pairs of
 * float32). A negative base gives NaN unless y is an integer, and a negative result if y is odd.
 *
 * P (degree 4 in s²) and the polynomial of 2ᵍ (degree 7) are minimax: relative errors 2^−37.2 (Remez) and 2^−34.3 (linear
 * program). Measured over all exponents of both operands: 0.51 ulp, subnormal results included.
 */
import { normalize, splitExponent } from './logarithm.ts'
import {
  absolute,
  add,
  bitAnd,
  bitOr,
  bitXor,
  doublePolynomial,
  multiply,
  selectLanes,
  signBits,
  subtract,
} from './vectorArithmetic.ts'
import type { VectorGraph, VectorNode } from './vectorGraph.ts'

const roundingShift = 1.5 * 2 ** 52
const logarithmSeries = [
  2.885390081790141, 0.9617966732838645, 0.577083594519991, 0.4116722150365998, 0.3407384069703556,
]
const exponentialSeries = [
  1, 0.6931471807047774, 0.24022651066992984, 0.05550410365342035, 0.009618038060799748, 0.001333393538856602,
  0.0001546678117020309, 1.5196128035027047e-5,
]

/** 2^(y·(k + log₂(1 + f))) of the two low lanes, in the two low lanes of the result. */
function powerOfHalf(v: VectorGraph, f: VectorNode, k: VectorNode, y: VectorNode): VectorNode {
  const promote = (x: VectorNode): VectorNode => v.apply('f64x2PromoteLowF32x4', x)
  const wide = promote(f)
  const s = v.apply('f64x2Div', wide, v.apply('f64x2Add', wide, v.double(2)))
  const series = doublePolynomial(v, v.apply('f64x2Mul', s, s), logarithmSeries)
  const logarithm = v.apply('f64x2Add', promote(k), v.apply('f64x2Mul', s, series))
  const product = v.apply('f64x2Mul', promote(y), logarithm)
  // Beyond ±200 the result is 0 or ∞ in float32 and still an ordinary number in float64.
  const upper = v.apply('f64x2Pmin', product, v.double(200))
  const exponent = v.apply('f64x2Pmax', upper, v.double(-200))
  const shifted = v.apply('f64x2Add', exponent, v.double(roundingShift))
  const g = v.apply('f64x2Sub', exponent, v.apply('f64x2Sub', shifted, v.double(roundingShift)))
  const scale = v.apply('i64x2Add', v.shift('i64x2Shl', shifted, 52), v.double(1))
  const result = v.apply('f64x2Mul', doublePolynomial(v, g, exponentialSeries), scale)
  return v.apply('f32x4DemoteF64x2Zero', result)
}

function powerOfMagnitude(v: VectorGraph, magnitude: VectorNode, y: VectorNode): VectorNode {
  const { normal, added } = normalize(v, magnitude)
  const { exponent, mantissa } = splitExponent(v, normal)
  const finite = v.apply('f32x4Lt', magnitude, v.float(Infinity))
  const zero = v.apply('f32x4Eq', magnitude, v.float(0))
  const ordinary = add(v, v.apply('f32x4ConvertI32x4S', exponent), added)
  const k = selectLanes(v, zero, v.float(-Infinity), selectLanes(v, finite, ordinary, magnitude))
  const f = subtract(v, mantissa, v.float(1))
  const high = (x: VectorNode): VectorNode => v.shuffle(x, x, [2, 3, 2, 3])
  return v.shuffle(powerOfHalf(v, f, k, y), powerOfHalf(v, high(f), high(k), high(y)), [0, 1, 4, 5])
}

/** xʸ by the rules of Math.pow: x⁰ = 1 for every x, NaN included; (±1)^±∞ = NaN. */
export function power(v: VectorGraph, x: VectorNode, y: VectorNode): VectorNode {
  const result = powerOfMagnitude(v, absolute(v, x), y)
  const half = multiply(v, y, v.float(0.5))
  const integer = v.apply('f32x4Eq', v.apply('f32x4Trunc', y), y)
  const even = v.apply('f32x4Eq', v.apply('f32x4Trunc', half), half)
  const odd = v.apply('v128Andnot', integer, even)
  const signed = bitXor(v, result, bitAnd(v, odd, signBits(v, x)))
  const negative = v.apply('f32x4Lt', x, v.float(0))
  const finite = v.apply('f32x4Gt', x, v.float(-Infinity))
  const undefinedBase = v.apply('v128Andnot', bitAnd(v, negative, finite), integer)
  const withNaN = bitOr(v, signed, undefinedBase)
  return selectLanes(v, v.apply('f32x4Eq', y, v.float(0)), v.float(1), withNaN)
}
