/**
 * The element-wise primitives on single numbers, and the rounding of each element type. Everything is computed
 * in float64 and rounded once, which for +, −, ·, / and √ of float32 operands is the correctly rounded float32
 * result (float64 has more than 2·24 + 2 bits). The stable forms:
 *   sigmoid(x) = 1 / (1 + e⁻ˣ) for x ≥ 0, eˣ / (1 + eˣ) otherwise
 *   softplus(x) = max(x, 0) + log1p(e^−|x|)
 */
import type { Dtype } from '../dtype.ts'
import { isFloat } from '../dtype.ts'
import type { ElementwisePrimitive } from '../program/primitive.ts'

/** Rounds to float32, wraps to 32 bits, or leaves alone, as storage of the dtype does. */
export function roundTo(dtype: Dtype, value: number): number {
  switch (dtype) {
    case 'float32':
      return Math.fround(value)
    case 'float64':
      return value
    case 'int32':
      return value | 0
    case 'uint32':
      return value >>> 0
    case 'bool':
      return value === 0 ? 0 : 1
  }
}

const integerRange = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
} as const

/**
 * `convert`: float → integer truncates and saturates, NaN → 0; integer → integer keeps the 32 bits; → bool is
 * x ≠ 0 (true for NaN); → float rounds to nearest.
 */
export function convertScalar(value: number, from: Dtype, to: Dtype): number {
  if ((to === 'int32' || to === 'uint32') && isFloat(from)) {
    const [least, greatest] = integerRange[to]
    return Number.isNaN(value) ? 0 : Math.min(greatest, Math.max(least, Math.trunc(value))) + 0
  }
  return roundTo(to, value)
}

/** Nearest integer, ties to even; keeps the sign of zero, infinities and NaN. */
export function roundHalfToEven(x: number): number {
  const isTie = Math.abs(x - Math.trunc(x)) === 0.5
  return isTie ? 2 * Math.round(x / 2) : Math.round(x)
}

function divide(x: number, y: number, dtype: Dtype): number {
  if (isFloat(dtype)) return x / y
  return y === 0 ? 0 : Math.trunc(x / y)
}

/** Operands x, y, z of the given dtype; the caller rounds the result with `roundTo`. */
export type ScalarFunction = (x: number, y: number, z: number, dtype: Dtype) => number

export const scalarFunctions: { readonly [P in Exclude<ElementwisePrimitive, 'convert'>]: ScalarFunction } = {
  negate: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  floor: Math.floor,
  round: roundHalfToEven,
  sqrt: Math.sqrt,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  not: (x) => (x === 0 ? 1 : 0),
  stopGradient: (x) => x,
  add: (x, y) => x + y,
  subtract: (x, y) => x - y,
  multiply: (x, y, _, dtype) => (isFloat(dtype) ? x * y : Math.imul(x, y)),
  divide: (x, y, _, dtype) => divide(x, y, dtype),
  power: (x, y) => Math.pow(x, y),
  maximum: (x, y) => Math.max(x, y),
  minimum: (x, y) => Math.min(x, y),
  equal: (x, y) => (x === y ? 1 : 0),
  less: (x, y) => (x < y ? 1 : 0),
  lessEqual: (x, y) => (x <= y ? 1 : 0),
  and: (x, y) => (x !== 0 && y !== 0 ? 1 : 0),
  or: (x, y) => (x !== 0 || y !== 0 ? 1 : 0),
  select: (condition, whenTrue, whenFalse) => (condition !== 0 ? whenTrue : whenFalse),
}

/** Least value of a dtype: what the maximum of nothing is. */
export const leastValue: Readonly<Record<Dtype, number>> = {
  float32: -Infinity,
  float64: -Infinity,
  int32: -(2 ** 31),
  uint32: 0,
  bool: 0,
}
