/**
 * log x and log(1 + x) in WGSL:
 *   x = 2ᵏ·m,  √½ ≤ m < √2,  f = m − 1,  s = f / (2 + f),
 *   log(1 + f) = f − (h − s·(h + R(s²))),  h = ½f²,  R(z) = c₁z + c₂z² + c₃z³ ≈ log((1 + s)/(1 − s))/s − 2.
 * The sum is that of Tang, ACM TOMS 16 (1990), §2; the minimax polynomial and the correction of log(1 + x) by the
 * rounding error of 1 + x are the CPU backend's (tensor's wasm/elements/logarithm.ts). Subnormal arguments are normalised on
 * their bits, so that they count even where arithmetic flushes them.
 *
 * Measured over all exponents: log 0.80 ulp, log(1 + x) 1.37 ulp.
 */
import type { FunctionFamily } from './functionTemplate.ts'
import { float, infinityBits, magnitudeMask, polynomial, signMask } from './functionTemplate.ts'

const squareRootOfHalf = '0x3f3504f3'
/** 16 significant bits: k times it is exact. */
const ln2High = 0.693145751953125
const ln2Low = Math.LN2 - ln2High
const series = [0.6666677594184875, 0.39977583289146423, 0.2987079620361328]

export const logarithmFunctions: FunctionFamily = {
  normalBits: ({ n, f, u }) => `// The bits of x, or of x·2¹⁴⁹ where x is subnormal; x ≥ 0.
fn normalBits${n}(bits: ${u}) -> ${u} {
  return select(bits, bitcast<${u}>(${f}(bits)), bits < ${u}(0x00800000u));
}`,
  exponentOfBits: ({ n, i, u }) => `// k of x = 2ᵏ·m, √½ ≤ m < √2; x positive and normal.
fn exponentOfBits${n}(bits: ${u}) -> ${i} {
  return (bitcast<${i}>(bits) - ${i}(${squareRootOfHalf})) >> ${u}(23u);
}`,
  logarithmOfParts: ({ n, f }) => `// k·ln 2 + log(1 + f).
fn logarithmOfParts${n}(f: ${f}, k: ${f}) -> ${f} {
  let s = f / (f + 2.0f);
  let z = s * s;
  let r = z * ${polynomial('z', series)};
  let h = (f * 0.5f) * f;
  let low = s * (h + r) + k * ${float(ln2Low)};
  return k * ${float(ln2High)} + (f - (h - low));
}`,
  logarithm: ({ n, f, i, u }) => `fn logarithm${n}(x: ${f}) -> ${f} {
  let bits = bitcast<${u}>(x);
  let normal = normalBits${n}(bits);
  let exponent = exponentOfBits${n}(normal);
  let m = bitcast<${f}>(normal - (bitcast<${u}>(exponent) << ${u}(23u)));
  let k = ${f}(exponent + select(${i}(0i), ${i}(-149i), bits < ${u}(0x00800000u)));
  let positive = bitcast<${u}>(logarithmOfParts${n}(m - 1.0f, k));
  // +∞ and NaN are their own logarithms.
  let upper = select(positive, bits, bits >= ${u}(${infinityBits}));
  let zero = (bits & ${u}(${magnitudeMask})) == ${u}(0u);
  let signed = select(upper, ${u}(0x7fc00000u), bits > ${u}(${signMask}));
  return bitcast<${f}>(select(signed, ${u}(0xff800000u), zero));
}`,
  logarithmOfSum: ({ n, f, i, u }) => `// log(u + c), |c| at most half a unit of u; u positive and normal.
fn logarithmOfSum${n}(u: ${f}, c: ${f}) -> ${f} {
  let exponent = exponentOfBits${n}(bitcast<${u}>(u));
  let shift = bitcast<${u}>(exponent) << ${u}(23u);
  let m = bitcast<${f}>(bitcast<${u}>(u) - shift);
  // 2⁻ᵏ; from k = 127 on it has no normal float, and c is 0.
  let inverse = bitcast<${f}>(${u}(0x3f800000u) - (bitcast<${u}>(min(exponent, ${i}(126))) << ${u}(23u)));
  return logarithmOfParts${n}((m - 1.0f) + c * inverse, ${f}(exponent));
}`,
  logarithmOfOnePlusFraction: ({ n, f }) => `// log(1 + x) for 0 ≤ x ≤ 1.
fn logarithmOfOnePlusFraction${n}(x: ${f}) -> ${f} {
  let u = keep${n}(x + 1.0f);
  let rounded = keep${n}(u - 1.0f);
  return logarithmOfSum${n}(u, x - rounded);
}`,
  logarithmOfOnePlus: ({ n, f, u }) => `fn logarithmOfOnePlus${n}(x: ${f}) -> ${f} {
  let bits = bitcast<${u}>(x);
  let u = keep${n}(x + 1.0f);
  let rounded = keep${n}(u - 1.0f);
  let error = (1.0f - keep${n}(u - rounded)) + (x - rounded);
  // From 2²⁶ on the correction does not count, and its scale factor would leave the range of float32.
  let value = logarithmOfSum${n}(u, select(${f}(0.0f), error, abs(x) < ${f}(${float(2 ** 26)})));
  let itself = (abs(x) < ${f}(${float(2 ** -25)})) | ((bits & ${u}(${magnitudeMask})) >= ${u}(${infinityBits}));
  let upper = select(bitcast<${u}>(value), bits, itself);
  let below = (bits > ${u}(0xbf800000u)) & (bits <= ${u}(0xff800000u));
  let signed = select(upper, ${u}(0x7fc00000u), below);
  return bitcast<${f}>(select(signed, ${u}(0xff800000u), bits == ${u}(0xbf800000u)));
}`,
}
