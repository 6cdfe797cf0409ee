/**
 * Element-wise primitives on single numbers, as plainly as they can be written. Results are exact float64; the
 * caller rounds to the dtype of the result by storing them. Sources for the accurate forms: sigmoid and softplus
 * through e^−|x|, so that nothing overflows.
 */
import type { Dtype } from '../dtype.ts'
import { isInteger } from '../dtype.ts'
import type { ElementwisePrimitive } from '../program/primitive.ts'

/** Operands are numbers (booleans 0 and 1); `dtype` is that of the first operand, `result` that of the result. */
export type ElementFunction = (x: number, y: number, z: number, dtype: Dtype, result: Dtype) => number

const bool = (condition: boolean): number => (condition ? 1 : 0)

function roundHalfToEven(x: number): number {
  const below = Math.floor(x)
  const difference = x - below
  if (difference !== 0.5)
    return Object.is(x, -0) ? -0 : difference < 0.5 ? keepSign(below, x) : keepSign(below + 1, x)
  return below % 2 === 0 ? keepSign(below, x) : keepSign(below + 1, x)
}

const keepSign = (value: number, like: number): number => (value === 0 && like < 0 ? -0 : value)

function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x))
  return x >= 0 ? 1 / (1 + e) : e / (1 + e)
}

/** Wraps to 32 bits; a product of two 32-bit integers needs more than 53 bits, hence Math.imul. */
const multiply: ElementFunction = (x, y, _z, dtype) => (isInteger(dtype) ? Math.imul(x, y) : x * y)

const divide: ElementFunction = (x, y, _z, dtype) =>
  !isInteger(dtype) ? x / y : y === 0 ? 0 : Math.trunc(x / y)

/** Float → integer truncates and saturates, NaN → 0; integer ↔ integer keeps the bits. */
const convert: ElementFunction = (x, _y, _z, dtype, result) => {
  if (result === 'bool') return bool(x !== 0)
  if (!isInteger(result) || isInteger(dtype) || dtype === 'bool') return x
  const [least, greatest] = result === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1]
  return Number.isNaN(x) ? 0 : Math.min(greatest, Math.max(least, Math.trunc(x)))
}

export const elementFunctions: Readonly<Record<ElementwisePrimitive, ElementFunction>> = {
  negate: (x) => -x,
  abs: (x) => Math.abs(x),
  sign: (x) => Math.sign(x),
  floor: (x) => Math.floor(x),
  round: roundHalfToEven,
  sqrt: (x) => Math.sqrt(x),
  exp: (x) => Math.exp(x),
  expm1: (x) => Math.expm1(x),
  log: (x) => Math.log(x),
  log1p: (x) => Math.log1p(x),
  sin: (x) => Math.sin(x),
  cos: (x) => Math.cos(x),
  tanh: (x) => Math.tanh(x),
  sigmoid,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  not: (x) => bool(x === 0),
  stopGradient: (x) => x,
  add: (x, y) => x + y,
  subtract: (x, y) => x - y,
  multiply,
  divide,
  power: (x, y) => Math.pow(x, y),
  maximum: (x, y) => Math.max(x, y),
  minimum: (x, y) => Math.min(x, y),
  equal: (x, y) => bool(x === y),
  less: (x, y) => bool(x < y),
  lessEqual: (x, y) => bool(x <= y),
  and: (x, y) => bool(x !== 0 && y !== 0),
  or: (x, y) => bool(x !== 0 || y !== 0),
  select: (x, y, z) => (x !== 0 ? y : z),
  convert,
}
