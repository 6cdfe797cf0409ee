/**
 * WGSL functions as templates over their lane type, and the text of numbers in WGSL.
 *
 * WGSL (W3C, §15.7) lets a compiler contract a·b + c, reassociate, flush subnormals to zero and assume that NaN and
 * infinities do not occur. What holds all the same:
 * - NaN and infinities, as arguments and as results, are those of Math.*: they are decided on integer bits.
 * - Contraction changes no exact step (products that must be exact have factors of few bits) and else only helps.
 * - A rounded value that must stay rounded goes through `keep`, an integer minimum that changes nothing but that no
 *   algebra sees through; without it Mesa turns 1 + (r + …) into (1 + r) + …, which costs exp 0.3 ulp.
 * - A subnormal argument or result may count as a zero (SwiftShader, lavapipe and most GPUs flush them), but not as the
 *   argument of log, the operands of power, maximum, minimum and sign, nor where it becomes a boolean.
 * - Bounds in ulp are for a division that rounds correctly; WGSL allows one 2.5 ulp, which then adds to the bounds.
 */
import type { Lanes } from './kernelBindings.ts'

/** The names of the types of one lane count: `f32` … or `vec4<f32>` …, which also convert and splat. */
export interface LaneTypes {
  readonly n: Lanes
  readonly f: string
  readonly i: string
  readonly u: string
  readonly b: string
}

/** The definition of a WGSL function whose name ends in the number of lanes. */
export type FunctionTemplate = (types: LaneTypes) => string

/** Templates by the name of the function, without the number of lanes. */
export type FunctionFamily = Readonly<Record<string, FunctionTemplate>>

export const laneTypes: Readonly<Record<Lanes, LaneTypes>> = {
  1: { n: 1, f: 'f32', i: 'i32', u: 'u32', b: 'bool' },
  4: { n: 4, f: 'vec4<f32>', i: 'vec4<i32>', u: 'vec4<u32>', b: 'vec4<bool>' },
}

/** The 32 bits of a float32. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]
}

export const hexadecimal = (bits: number): string => `0x${bits.toString(16).padStart(8, '0')}u`

/** The float32 nearest to `value` as a literal, or undefined for what WGSL has no literal for. */
export function floatLiteral(value: number): string | undefined {
  const rounded = Math.fround(value)
  const isNormal = Math.abs(rounded) >= 2 ** -126 && Math.abs(rounded) < Infinity
  if (!isNormal && !Object.is(rounded, 0)) return undefined
  return `${Number.isInteger(rounded) && Math.abs(rounded) < 1e21 ? rounded.toFixed(1) : rounded}f`
}

/** The float32 nearest to a normal number, for use in templates. */
export const float = (value: number): string => floatLiteral(value) ?? 'not_a_normal_number'

/** c₀ + x·(c₁ + x·(…)). */
export function polynomial(x: string, [first, ...others]: readonly number[]): string {
  return others.length === 0 ? float(first) : `(${float(first)} + ${x} * ${polynomial(x, others)})`
}

export const magnitudeMask = '0x7fffffffu'
export const signMask = '0x80000000u'
export const infinityBits = '0x7f800000u'

export const basicFunctions: FunctionFamily = {
  keep: ({ n, f, u }) => `// The same number; see the note on algebra in functionTemplate.ts.
fn keep${n}(x: ${f}) -> ${f} {
  return bitcast<${f}>(min(bitcast<${u}>(x), ${u}(0xffc00000u)));
}`,
  floatOfBits: ({ n, f, u }) => `fn floatOfBits${n}(bits: ${u}) -> ${f} {
  return bitcast<${f}>(bits);
}`,
  isNotANumber: ({ n, f, u, b }) => `fn isNotANumber${n}(x: ${f}) -> ${b} {
  return (bitcast<${u}>(x) & ${u}(${magnitudeMask})) > ${u}(${infinityBits});
}`,
}
