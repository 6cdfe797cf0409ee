/**
 * eˣ and eˣ − 1 in WGSL:
 *   x = k·ln 2 + r,  |r| ≤ ½ ln 2,   eˣ = 2ᵏ·(1 + r + r²·q(r)),   eˣ − 1 = 2ᵏ·(r + r²·q(r)) + (2ᵏ − 1).
 * Reduction after Cody & Waite (Software Manual for the Elementary Functions, 1980, ch. 6) and the minimax polynomials
 * of the CPU backend (tensor's wasm/elements/exponential.ts). WGSL's own `exp` may be off by 3 + 2·|x| ulp.
 *
 * Measured over all exponents: eˣ 0.99 ulp, eˣ − 1 1.39 ulp, equal to the last bit on SwiftShader and lavapipe.
 */
import type { FunctionFamily } from './functionTemplate.ts'
import { float, infinityBits, polynomial } from './functionTemplate.ts'

/** Adding it to |x| < 2²² rounds to the nearest integer and leaves that integer in the low bits. */
const roundingShift = 1.5 * 2 ** 23
export const roundingShiftBits = '0x4b400000'
/** 9 significant bits: k times it is exact. */
const ln2High = 0.693359375
const ln2Low = Math.LN2 - ln2High
/** The largest x whose eˣ is finite in float32. */
const largestArgument = 88.72283935546875

const exponentialTail = [
  0.4999999403953552, 0.1666652113199234, 0.04166827350854874, 0.008368682116270065, 0.0013820042368024588,
]
const minusOneTail = [
  0.5, 0.1666666567325592, 0.04166649281978607, 0.008333544246852398, 0.0013932340079918504,
  0.00019763429008889943,
]
/** One coefficient fewer, where the rounding that follows is larger anyway. */
export const shortMinusOneTail = [
  0.4999999701976776, 0.1666654646396637, 0.04166743531823158, 0.00836627185344696, 0.0013870701659470797,
]

export const exponentialFunctions: FunctionFamily = {
  shiftedExponent: ({ n, f }) => `// 1.5·2²³ + k, k = x / ln 2 rounded.
fn shiftedExponent${n}(x: ${f}) -> ${f} {
  return keep${n}(x * ${float(Math.LOG2E)} + ${float(roundingShift)});
}`,
  reducedExponent: ({ n, f }) => `// r = x − k·ln 2.
fn reducedExponent${n}(x: ${f}, shifted: ${f}) -> ${f} {
  let k = shifted - ${float(roundingShift)};
  return keep${n}(x - k * ${float(ln2High)}) - k * ${float(ln2Low)};
}`,
  powerOfTwo: ({ n, f, u }) => `// 2ᵏ for −126 ≤ k ≤ 127, from the bits of k or of 1.5·2²³ + k.
fn powerOfTwo${n}(k: ${u}) -> ${f} {
  return bitcast<${f}>((k << ${u}(23u)) + ${u}(0x3f800000u));
}`,
  scaleByPowerOfTwo: ({ n, f, i, u }) => `// y·2ᵏ for |k| ≤ 250, in two steps because 2ᵏ may be out of range.
fn scaleByPowerOfTwo${n}(y: ${f}, shifted: ${f}) -> ${f} {
  let k = bitcast<${i}>(shifted) - ${i}(${roundingShiftBits});
  let half = k >> ${u}(1u);
  return keep${n}(y * powerOfTwo${n}(bitcast<${u}>(half))) * powerOfTwo${n}(bitcast<${u}>(k - half));
}`,
  boundedExponential: ({ n, f }) => `// eˣ for x ≤ 89, not NaN. Below −104 every result rounds to zero.
fn boundedExponential${n}(x: ${f}) -> ${f} {
  let bounded = max(x, ${f}(${float(-104.5)}));
  let shifted = shiftedExponent${n}(bounded);
  let r = reducedExponent${n}(bounded, shifted);
  let y = 1.0f + keep${n}(r + r * r * ${polynomial('r', exponentialTail)});
  return scaleByPowerOfTwo${n}(y, shifted);
}`,
  exponential: ({ n, f, u }) => `fn exponential${n}(x: ${f}) -> ${f} {
  let finite = boundedExponential${n}(min(x, ${f}(${float(largestArgument)})));
  let value = select(finite, floatOfBits${n}(${u}(${infinityBits})), x > ${f}(${float(largestArgument)}));
  return select(value, x, isNotANumber${n}(x));
}`,
  exponentialMinusOne: ({ n, f, u }) => `fn exponentialMinusOne${n}(x: ${f}) -> ${f} {
  let bounded = clamp(x, ${f}(${float(-20)}), ${f}(${float(largestArgument)}));
  let shifted = shiftedExponent${n}(bounded);
  let r = reducedExponent${n}(bounded, shifted);
  let y = r + r * r * ${polynomial('r', minusOneTail)};
  // 2ᵏ⁻¹ instead of 2ᵏ, because k may be 128.
  let half = powerOfTwo${n}(bitcast<${u}>(shifted) - ${u}(1u));
  let halved = half * y + (half - 0.5f);
  let value = select(halved + halved, floatOfBits${n}(${u}(${infinityBits})), x > ${f}(${float(largestArgument)}));
  return select(value, x, (abs(x) < ${f}(${float(2 ** -25)})) | isNotANumber${n}(x));
}`,
}
