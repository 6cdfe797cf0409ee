/**
 * xʸ in WGSL, with the special values of Math.pow:
 *   |x|ʸ = 2^(y·log₂|x|),  |x| = 2ᵏ·m,  s = (m − 1)/(m + 1),  log₂ m = 2/(3 ln 2)·s·(3 + s² + s⁴·P(s²)).
 * WGSL has no float64, and float32 no room for the digits that y·log₂|x| loses, so the logarithm and its product with
 * y are pairs of float32 whose high part has 12 significant bits: products of two such parts are exact (the scheme of
 * FreeBSD's e_powf.c, after Dekker 1971). High parts are cut off with a mask, never by adding and subtracting, so no
 * compiler's algebra or contraction can undo them.
 *
 * Measured over all exponents of both operands: 1.15 ulp.
 */
import type { FunctionFamily } from './functionTemplate.ts'
import { float, floatBits, infinityBits, magnitudeMask, polynomial, signMask } from './functionTemplate.ts'

/** 3/5 + 3/7·z + …: the series of the logarithm's tail. */
const tail = [5, 7, 9, 11, 13].map((n) => 3 / n)
const scale = 2 / (3 * Math.LN2)
/** 12 significant bits. */
const scaleHigh = new Float32Array(Uint32Array.of(floatBits(scale) & 0xfffff000).buffer)[0]
/** 2ᵍ − 1 = g·Q(g), |g| ≤ ½: minimax, from tensor's wasm/elements/power.ts. */
const exponentialSeries = [
  0.6931471807047774, 0.24022651066992984, 0.05550410365342035, 0.009618038060799748, 0.001333393538856602,
  0.0001546678117020309, 1.5196128035027047e-5,
]
const roundingShift = float(1.5 * 2 ** 23)

export const powerFunctions: FunctionFamily = {
  FloatPair: ({ n, f }) => `struct FloatPair${n} { high: ${f}, low: ${f} }`,
  highPart: ({ n, f, u }) => `// The first 12 significant bits.
fn highPart${n}(x: ${f}) -> ${f} {
  return bitcast<${f}>(bitcast<${u}>(x) & ${u}(0xfffff000u));
}`,
  binaryLogarithm: ({ n, f, i, u }) => `// log₂ of the positive number with these bits.
fn binaryLogarithm${n}(bits: ${u}) -> FloatPair${n} {
  let normal = normalBits${n}(bits);
  let exponent = exponentOfBits${n}(normal);
  let m = bitcast<${f}>(normal - (bitcast<${u}>(exponent) << ${u}(23u)));
  let k = ${f}(exponent + select(${i}(0i), ${i}(-149i), bits < ${u}(0x00800000u)));
  // s = f / d, with the remainder of the division in its low part.
  let f = m - 1.0f;
  let d = m + 1.0f;
  let dHigh = highPart${n}(d);
  let dLow = m - (dHigh - 1.0f);
  let s = f / d;
  let sHigh = highPart${n}(s);
  let sLow = ((f - sHigh * dHigh) - sHigh * dLow) / d;
  let z = s * s;
  let r = sLow * (sHigh + s) + z * z * ${polynomial('z', tail)};
  let square = sHigh * sHigh;
  let tHigh = highPart${n}(3.0f + (square + r));
  let tLow = r - ((tHigh - 3.0f) - square);
  let v = sHigh * tHigh;
  let w = sLow * tHigh + tLow * s;
  let pHigh = highPart${n}(v + w);
  let pLow = w - (pHigh - v);
  let qHigh = pHigh * ${float(scaleHigh)};
  let qLow = pHigh * ${float(scale - scaleHigh)} + pLow * ${float(scale)};
  let high = highPart${n}(k + (qHigh + qLow));
  return FloatPair${n}(high, qLow - ((high - k) - qHigh));
}`,
  powerOfMagnitude: ({ n, f, u }) => `// xʸ for positive finite x and |y| ≤ 2³².
fn powerOfMagnitude${n}(bits: ${u}, y: ${f}) -> ${f} {
  let logarithm = binaryLogarithm${n}(bits);
  let yHigh = highPart${n}(y);
  let high = yHigh * logarithm.high;
  let low = (y - yHigh) * logarithm.high + y * logarithm.low;
  // Beyond ±200 the result is 0 or ∞.
  let shifted = keep${n}(clamp(high + low, ${f}(-200.0f), ${f}(200.0f)) + ${roundingShift});
  let fraction = keep${n}(high - (shifted - ${roundingShift})) + low;
  let g = clamp(fraction, ${f}(-1.0f), ${f}(1.0f));
  return scaleByPowerOfTwo${n}(1.0f + g * ${polynomial('g', exponentialSeries)}, shifted);
}`,
  power: ({ n, f, u }) => `// By the rules of Math.pow: x⁰ = 1 for every x, NaN included; (±1)^±∞ = NaN.
fn power${n}(x: ${f}, y: ${f}) -> ${f} {
  let xBits = bitcast<${u}>(x);
  let xMagnitude = xBits & ${u}(${magnitudeMask});
  let yBits = bitcast<${u}>(y);
  let yMagnitude = yBits & ${u}(${magnitudeMask});
  let infinity = ${u}(${infinityBits});
  let bounded = clamp(y, ${f}(-4294967296.0f), ${f}(4294967296.0f));
  let ordinary = bitcast<${u}>(powerOfMagnitude${n}(xMagnitude, bounded));
  // Of 0 and ∞.
  let xInfinite = xMagnitude == infinity;
  let grows = xInfinite == (yBits < ${u}(${signMask}));
  let extreme = select(${u}(0u), infinity, grows);
  let magnitude = select(ordinary, extreme, xInfinite | (xMagnitude == ${u}(0u)));
  let half = bounded * 0.5f;
  let integer = (floor(bounded) == bounded) & (yMagnitude >= ${u}(0x3f800000u));
  let odd = integer & (floor(half) != half);
  let signed = magnitude | select(${u}(0u), xBits & ${u}(${signMask}), odd);
  let negative = (xBits > ${u}(${signMask})) & (xMagnitude < infinity);
  let unitToInfinity = (xMagnitude == ${u}(0x3f800000u)) & (yMagnitude == infinity);
  let isUndefined = (negative & !integer) | unitToInfinity | isUnordered${n}(x, y);
  let value = select(signed, ${u}(0x7fc00000u), isUndefined);
  return bitcast<${f}>(select(value, ${u}(0x3f800000u), yMagnitude == ${u}(0u)));
}`,
}
