/**
 * Arithmetic, comparisons and conversions whose edge cases WGSL leaves open: NaN in comparisons and extrema, integer
 * quotients by zero, float to integer beyond the range. The rules are those of tensor's reference/scalarFunctions.ts.
 *
 * Extrema compare integers that are ordered as the floats are (negative ones with their magnitude bits inverted), so
 * that −0 < +0 there and subnormals count even where the device flushes them.
 */
import type { FunctionFamily, FunctionTemplate } from './functionTemplate.ts'
import { infinityBits, magnitudeMask, signMask } from './functionTemplate.ts'

const extremum =
  (name: string, builtin: 'max' | 'min'): FunctionTemplate =>
  ({ n, f, u }) => `fn ${name}${n}(x: ${f}, y: ${f}) -> ${f} {
  let bits = orderedBits${n}(bitcast<${u}>(${builtin}(orderOf${n}(x), orderOf${n}(y))));
  return bitcast<${f}>(select(bits, ${u}(0x7fc00000u), isUnordered${n}(x, y)));
}`

const comparison =
  (name: string, operator: string): FunctionTemplate =>
  ({ n, f, b }) => `fn ${name}${n}(x: ${f}, y: ${f}) -> ${b} {
  return (x ${operator} y) & !isUnordered${n}(x, y);
}`

export const arithmeticFunctions: FunctionFamily = {
  isUnordered: ({ n, f, u, b }) => `fn isUnordered${n}(x: ${f}, y: ${f}) -> ${b} {
  let mask = ${u}(${magnitudeMask});
  return max(bitcast<${u}>(x) & mask, bitcast<${u}>(y) & mask) > ${u}(${infinityBits});
}`,
  orderedBits: ({ n, i, u }) => `// Turns the bits of a float into an integer of the same order, and back.
fn orderedBits${n}(bits: ${u}) -> ${u} {
  return bits ^ (bitcast<${u}>(bitcast<${i}>(bits) >> ${u}(31u)) & ${u}(${magnitudeMask}));
}`,
  orderOf: ({ n, f, i, u }) => `fn orderOf${n}(x: ${f}) -> ${i} {
  return bitcast<${i}>(orderedBits${n}(bitcast<${u}>(x)));
}`,
  maximum: extremum('maximum', 'max'),
  minimum: extremum('minimum', 'min'),
  equal: comparison('equal', '=='),
  less: comparison('less', '<'),
  lessEqual: comparison('lessEqual', '<='),
  signOf: ({ n, f, u }) => `fn signOf${n}(x: ${f}) -> ${f} {
  let bits = bitcast<${u}>(x);
  let magnitude = bits & ${u}(${magnitudeMask});
  let nonzero = (magnitude != ${u}(0u)) & (magnitude <= ${u}(${infinityBits}));
  return bitcast<${f}>(select(bits, (bits & ${u}(${signMask})) | ${u}(0x3f800000u), nonzero));
}`,
  squareRoot: ({ n, f, u }) => `fn squareRoot${n}(x: ${f}) -> ${f} {
  let bits = bitcast<${u}>(x);
  let magnitude = bits & ${u}(${magnitudeMask});
  let root = select(bitcast<${u}>(sqrt(x)), ${u}(0x7fc00000u), bits > ${u}(${signMask}));
  return bitcast<${f}>(select(root, bits, (magnitude == ${u}(0u)) | (bits == ${u}(${infinityBits}))));
}`,
  quotientOfSigned: ({ n, i }) => `fn quotientOfSigned${n}(x: ${i}, y: ${i}) -> ${i} {
  let wraps = (x == ${i}(-2147483648)) & (y == ${i}(-1));
  let zero = y == ${i}(0);
  return select(x / select(y, ${i}(1), zero | wraps), ${i}(0), zero);
}`,
  quotientOfUnsigned: ({ n, u }) => `fn quotientOfUnsigned${n}(x: ${u}, y: ${u}) -> ${u} {
  let zero = y == ${u}(0u);
  return select(x / select(y, ${u}(1u), zero), ${u}(0u), zero);
}`,
  signedOfFloat: ({ n, f, i }) => `fn signedOfFloat${n}(x: ${f}) -> ${i} {
  let inside = ${i}(clamp(x, ${f}(-2147483648.0f), ${f}(2147483520.0f)));
  let value = select(inside, ${i}(2147483647), x >= ${f}(2147483648.0f));
  return select(value, ${i}(0), isNotANumber${n}(x));
}`,
  unsignedOfFloat: ({ n, f, u }) => `fn unsignedOfFloat${n}(x: ${f}) -> ${u} {
  let inside = ${u}(clamp(x, ${f}(0.0f), ${f}(4294967040.0f)));
  let value = select(inside, ${u}(4294967295u), x >= ${f}(4294967296.0f));
  return select(value, ${u}(0u), isNotANumber${n}(x));
}`,
  floatOfUnsigned: ({
    n,
    f,
    u,
  }) => `// In two exact halves, of which the sum rounds; SwiftShader's f32(u32) rounds twice.
fn floatOfUnsigned${n}(x: ${u}) -> ${f} {
  return ${f}(x >> ${u}(16u)) * 65536.0f + ${f}(x & ${u}(0xffffu));
}`,
  isNotZero: ({ n, f, u, b }) => `fn isNotZero${n}(x: ${f}) -> ${b} {
  return (bitcast<${u}>(x) & ${u}(${magnitudeMask})) != ${u}(0u);
}`,
}
