/**
 * sin x and cos x in WGSL:
 *   x = k·π/2 + r,  |r| ≤ π/4,  sin r = r + r³·S(r²),  cos r = 1 − r²/2 + r⁴·C(r²),
 * and k mod 4 chooses between the two and their signs. WGSL bounds its own `sin` only on [−π, π].
 *
 * Up to 10⁵ the reduction is Cody & Waite's with π/2 in six parts, five of 8 bits, so that products with k < 2¹⁶ and
 * the differences are exact without fma or float64. Beyond, it is Payne & Hanek's (ACM SIGNUM 18, 1983) in integers: the
 * 24 bits of x times the 96 bits of 2/π that its exponent leaves below 4, one lane at a time.
 *
 * Measured over all exponents: 1.57 ulp, for the largest arguments too, where the CPU backend's reduction ends.
 */
import type { FunctionFamily, LaneTypes } from './functionTemplate.ts'
import { float, infinityBits, magnitudeMask, polynomial } from './functionTemplate.ts'

const sineSeries = [-0.16666655242443085, 0.008332189172506332, -0.0001951829035533592]
const cosineSeries = [0.04166664555668831, -0.0013887309469282627, 2.4432327336398885e-5]
const roundingShift = float(1.5 * 2 ** 23)

/** π/2 in five parts of 8 bits and the float32 nearest to the rest. */
function partsOfHalfPi(): number[] {
  const parts: number[] = []
  let rest = Math.PI / 2
  while (parts.length < 5) {
    const unit = 2 ** (Math.floor(Math.log2(rest)) - 7)
    parts.push(Math.floor(rest / unit) * unit)
    rest -= parts[parts.length - 1]
  }
  // π/2 − fl(π/2) in float64.
  return [...parts, rest + 6.123233995736766e-17]
}

const halfPi = partsOfHalfPi()
/** 12 significant bits of π/2. */
const halfPiHigh = 1.5703125

/** A word of zeros and the first 224 bits of 2/π. */
const twoOverPi = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab]

const words = (first: number): string =>
  `vec4<u32>(${twoOverPi
    .slice(first, first + 4)
    .map((word) => `${word}u`)
    .join(', ')})`

/** NaN of ±∞ and NaN. */
const orNaN = ({ f, u }: LaneTypes, value: string): string => `bitcast<${f}>(
    select(bitcast<${u}>(${value}), ${u}(0x7fc00000u), (bitcast<${u}>(x) & ${u}(${magnitudeMask})) >= ${u}(${infinityBits})))`

/** Replaces the reduction of the lanes that are too large for the parts of π/2. */
const reduceLargeLanes = (lanes: 1 | 4): string =>
  lanes === 1
    ? `  if (large) {
    return largeQuarterTurns1(x);
  }`
    : `  if (any(large)) {
    for (var lane = 0u; lane < 4u; lane++) {
      if (large[lane]) {
        let one = largeQuarterTurns1(x[lane]);
        result.remainder[lane] = one.remainder;
        result.turns[lane] = one.turns;
      }
    }
  }`

/** Functions that have no form on four lanes. */
export const oneLaneTrigonometricFunctions: FunctionFamily = {
  twoOverPiBits: () => `// 96 bits of 2/π from bit number \`start\` < 160 on, after a word of zeros.
fn twoOverPiBits1(start: u32) -> vec3<u32> {
  let word = start >> 5u;
  let even = select(${words(0)}, ${words(2)}, (word & 2u) != 0u);
  let next = select(${twoOverPi[4]}u, ${twoOverPi[6]}u, (word & 2u) != 0u);
  let low = select(even, vec4<u32>(even.yzw, next), (word & 1u) != 0u);
  let chosen = select(low, ${words(4)}, word == 4u);
  let shift = vec3<u32>(start & 31u);
  return (chosen.xyz << shift) | ((chosen.yzw >> vec3<u32>(1u)) >> (31u - shift));
}`,
  largeQuarterTurns: () => `// For |x| ≥ 2¹⁶. A pair of words counts quarter turns in units of 2⁻⁶², modulo 4.
fn largeQuarterTurns1(x: f32) -> QuarterTurns1 {
  let bits = bitcast<u32>(x);
  let m = (bits & 0x7fffffu) | 0x800000u;
  let start = ((bits >> 23u) & 0xffu) - 120u;
  let window = twoOverPiBits1(start);
  let middle = m * window.y;
  var low = middle + highProduct1(m, window.z);
  let carry = select(0u, 1u, low < middle);
  var high = m * window.x + highProduct1(m, window.y) + carry;
  let turns = (high + 0x20000000u) >> 30u;
  high = high - (turns << 30u);
  let negative = high >= 0x80000000u;
  if (negative) {
    low = ~low + 1u;
    high = ~high + select(0u, 1u, low == 0u);
  }
  let zeros = min(countLeadingZeros(high), 31u);
  let leading = (high << zeros) | ((low >> 1u) >> (31u - zeros));
  // The product with π/2 in two parts, of which only the sum rounds.
  let head = f32(leading & 0xfff00000u);
  let rest = f32(leading & 0x000fffffu);
  let product = head * ${float(halfPiHigh)} + (head * ${float(Math.PI / 2 - halfPiHigh)} + rest * ${float(Math.PI / 2)});
  let remainder = product * bitcast<f32>((97u - zeros) << 23u);
  if (negative != (bits >= 0x80000000u)) {
    return QuarterTurns1(-remainder, select(turns, 0u - turns, bits >= 0x80000000u));
  }
  return QuarterTurns1(remainder, select(turns, 0u - turns, bits >= 0x80000000u));
}`,
}

export const trigonometricFunctions: FunctionFamily = {
  QuarterTurns: ({ n, f, u }) => `struct QuarterTurns${n} { remainder: ${f}, turns: ${u} }`,
  highProduct: ({ n, u }) => `// The high word of m·w, m < 2²⁴.
fn highProduct${n}(m: ${u}, w: ${u}) -> ${u} {
  let mHigh = m >> ${u}(16u);
  let mLow = m & ${u}(0xffffu);
  let wHigh = w >> ${u}(16u);
  let wLow = w & ${u}(0xffffu);
  let middle = mLow * wHigh + ((mLow * wLow) >> ${u}(16u));
  let carried = mHigh * wLow + (middle & ${u}(0xffffu));
  return mHigh * wHigh + (middle >> ${u}(16u)) + (carried >> ${u}(16u));
}`,
  quarterTurns: ({ n, f, u }) => `fn quarterTurns${n}(x: ${f}) -> QuarterTurns${n} {
  let large = abs(x) >= ${f}(${float(1e5)});
  let shifted = keep${n}(x * ${float(2 / Math.PI)} + ${roundingShift});
  let k = shifted - ${roundingShift};
  // Exact; then exact where they cancel, else with the rounding error of each difference in \`error\`.
  let r2 = keep${n}(keep${n}(x - k * ${float(halfPi[0])}) - k * ${float(halfPi[1])});
  let r3 = keep${n}(r2 - k * ${float(halfPi[2])});
  let r4 = keep${n}(r3 - k * ${float(halfPi[3])});
  let r5 = keep${n}(r4 - k * ${float(halfPi[4])});
  let error3 = keep${n}(r2 - r3) - k * ${float(halfPi[2])};
  let error4 = keep${n}(r3 - r4) - k * ${float(halfPi[3])};
  let error5 = keep${n}(r4 - r5) - k * ${float(halfPi[4])};
  let error = (error3 + error4) + (error5 - k * ${float(halfPi[5])});
  var result = QuarterTurns${n}(r5 + error, bitcast<${u}>(shifted));
${reduceLargeLanes(n)}
  return result;
}`,
  sineOfReduced: ({ n, f, u }) => `// sin(r + turns·π/2), |r| ≤ π/4.
fn sineOfReduced${n}(r: ${f}, turns: ${u}) -> ${f} {
  let z = r * r;
  let sine = r + (r * z) * ${polynomial('z', sineSeries)};
  let cosine = (1.0f - z * 0.5f) + (z * z) * ${polynomial('z', cosineSeries)};
  let odd = (turns & ${u}(1u)) == ${u}(1u);
  let sign = (turns & ${u}(2u)) << ${u}(30u);
  return bitcast<${f}>(bitcast<${u}>(select(sine, cosine, odd)) ^ sign);
}`,
  // Where sin x rounds to x, the sign of a zero counts too.
  sine: (types) => `fn sine${types.n}(x: ${types.f}) -> ${types.f} {
  let reduced = quarterTurns${types.n}(x);
  let value = sineOfReduced${types.n}(reduced.remainder, reduced.turns);
  return ${orNaN(types, `select(value, x, abs(x) < ${types.f}(${float(2 ** -12)}))`)};
}`,
  cosine: (types) => `fn cosine${types.n}(x: ${types.f}) -> ${types.f} {
  let reduced = quarterTurns${types.n}(x);
  let value = sineOfReduced${types.n}(reduced.remainder, reduced.turns + 1u);
  return ${orNaN(types, 'value')};
}`,
}
