/**
 * The element-wise primitives on vectors of four elements, by dtype. A boolean is one 32-bit word, 0 or 1, in
 * memory and in vectors; where a mask of all ones is wanted the comparison that made it is used directly.
 *
 * Integer quotients are computed in float64, where the quotient of two 32-bit integers truncates exactly: its
 * distance from an integer is at least 1/|b| if not zero, and its rounding error below 2⁻²¹/|b|.
 */
import type { Dtype } from '../../dtype.ts'
import { DtypeError } from '../../errors.ts'
import type { ElementwisePrimitive } from '../../program/primitive.ts'
import { exponential, exponentialMinusOne } from './exponential.ts'
import { maximum, minimum } from './extremes.ts'
import { hyperbolicTangent } from './hyperbolicTangent.ts'
import { logarithm, logarithmOfOnePlus } from './logarithm.ts'
import { logistic, softplus } from './logistic.ts'
import { power } from './power.ts'
import { sine, cosine } from './trigonometric.ts'
import { absolute, bitAnd, bitOr, bitXor, divide, selectLanes, signBits } from './vectorArithmetic.ts'
import type { ShiftInstruction, VectorGraph, VectorInstruction, VectorNode } from './vectorGraph.ts'

type Instruction = Exclude<VectorInstruction, ShiftInstruction>

/** Operands, the dtype of the last operand, the dtype of the result. */
type ElementRule = (v: VectorGraph, operands: readonly VectorNode[], from: Dtype, to: Dtype) => VectorNode

/** 0 or 1 from a mask. */
const booleanOf = (v: VectorGraph, mask: VectorNode): VectorNode => v.shift('i32x4ShrU', mask, 31)

/** All ones where the boolean is 1. */
const maskOf = (v: VectorGraph, boolean: VectorNode): VectorNode =>
  boolean.kind === 'shift' && boolean.instruction === 'i32x4ShrU' && boolean.bits === 31
    ? boolean.operands[0]
    : v.apply('i32x4Ne', boolean, v.integer(0))

const unary =
  (rule: (v: VectorGraph, x: VectorNode) => VectorNode): ElementRule =>
  (v, [x]) =>
    rule(v, x)

const instructions =
  (float32: Instruction, int32: Instruction, uint32: Instruction = int32): ElementRule =>
  (v, operands, from) =>
    v.apply(from === 'float32' ? float32 : from === 'int32' ? int32 : uint32, ...operands)

const comparison =
  (float32: Instruction, int32: Instruction, uint32: Instruction = int32): ElementRule =>
  (v, operands, from, to) =>
    booleanOf(v, instructions(float32, int32, uint32)(v, operands, from, to))

function sign(v: VectorGraph, x: VectorNode, dtype: Dtype): VectorNode {
  if (dtype === 'uint32') return v.apply('i32x4MinU', x, v.integer(1))
  if (dtype === 'int32') return v.apply('i32x4MinS', v.apply('i32x4MaxS', x, v.integer(-1)), v.integer(1))
  const nonzero = v.apply('f32x4Gt', absolute(v, x), v.float(0))
  return selectLanes(v, nonzero, bitOr(v, signBits(v, x), v.float(1)), x)
}

function divideIntegers(v: VectorGraph, a: VectorNode, b: VectorNode, signed: boolean): VectorNode {
  const convert = signed ? 'f64x2ConvertLowI32x4S' : 'f64x2ConvertLowI32x4U'
  const half = (x: VectorNode, y: VectorNode): VectorNode => {
    const quotient = v.apply('f64x2Trunc', v.apply('f64x2Div', v.apply(convert, x), v.apply(convert, y)))
    // The low word of q + 1.5·2⁵² is q modulo 2³²: −2³¹ / −1 wraps.
    return v.apply('f64x2Add', quotient, v.double(1.5 * 2 ** 52))
  }
  const high = (x: VectorNode): VectorNode => v.shuffle(x, x, [2, 3, 2, 3])
  const quotients = v.shuffle(half(a, b), half(high(a), high(b)), [0, 2, 4, 6])
  return bitAnd(v, quotients, v.apply('i32x4Ne', b, v.integer(0)))
}

function convert(v: VectorGraph, x: VectorNode, from: Dtype, to: Dtype): VectorNode {
  if (from === to) return x
  if (to === 'bool') {
    const nonzero = v.apply(from === 'float32' ? 'f32x4Ne' : 'i32x4Ne', x, v.integer(0))
    return booleanOf(v, nonzero)
  }
  if (to === 'float32') return v.apply(from === 'uint32' ? 'f32x4ConvertI32x4U' : 'f32x4ConvertI32x4S', x)
  if (from === 'float32') return v.apply(to === 'int32' ? 'i32x4TruncSatF32x4S' : 'i32x4TruncSatF32x4U', x)
  return x
}

const rules: { readonly [P in ElementwisePrimitive]: ElementRule } = {
  negate: instructions('f32x4Neg', 'i32x4Neg'),
  abs: (v, [x], from) => (from === 'uint32' ? x : v.apply(from === 'float32' ? 'f32x4Abs' : 'i32x4Abs', x)),
  sign: (v, [x], from) => sign(v, x, from),
  floor: unary((v, x) => v.apply('f32x4Floor', x)),
  round: unary((v, x) => v.apply('f32x4Nearest', x)),
  sqrt: unary((v, x) => v.apply('f32x4Sqrt', x)),
  exp: unary(exponential),
  expm1: unary(exponentialMinusOne),
  log: unary(logarithm),
  log1p: unary(logarithmOfOnePlus),
  sin: unary(sine),
  cos: unary(cosine),
  tanh: unary(hyperbolicTangent),
  sigmoid: unary(logistic),
  softplus: unary(softplus),
  not: unary((v, x) => bitXor(v, x, v.integer(1))),
  stopGradient: unary((_, x) => x),
  add: instructions('f32x4Add', 'i32x4Add'),
  subtract: instructions('f32x4Sub', 'i32x4Sub'),
  multiply: instructions('f32x4Mul', 'i32x4Mul'),
  divide: (v, [a, b], from) =>
    from === 'float32' ? divide(v, a, b) : divideIntegers(v, a, b, from === 'int32'),
  power: (v, [x, y]) => power(v, x, y),
  maximum,
  minimum,
  equal: comparison('f32x4Eq', 'i32x4Eq'),
  less: comparison('f32x4Lt', 'i32x4LtS', 'i32x4LtU'),
  lessEqual: comparison('f32x4Le', 'i32x4LeS', 'i32x4LeU'),
  and: (v, [a, b]) => bitAnd(v, a, b),
  or: (v, [a, b]) => bitOr(v, a, b),
  select: (v, [condition, a, b]) => selectLanes(v, maskOf(v, condition), a, b),
  convert: (v, [x], from, to) => convert(v, x, from, to),
}

/** @throws {DtypeError} for float64, which this backend does not have. */
export function requireVectorDtype(operation: string, dtype: Dtype): void {
  if (dtype !== 'float64') return
  throw new DtypeError({
    operation,
    rule: 'the wasm backend computes in float32, int32, uint32 and bool',
    found: dtype,
    remedy: 'Use the reference backend for float64',
  })
}

/**
 * One primitive on four elements.
 * @param from dtype of the operands (for `select`, of the branches).
 * @throws {DtypeError} for float64.
 */
export function applyElementFunction(
  v: VectorGraph,
  primitive: ElementwisePrimitive,
  operands: readonly VectorNode[],
  from: Dtype,
  to: Dtype,
): VectorNode {
  requireVectorDtype(primitive, from)
  requireVectorDtype(primitive, to)
  return rules[primitive](v, operands, from, to)
}
