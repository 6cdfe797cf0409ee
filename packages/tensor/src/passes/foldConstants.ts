/**
 * Computes at compile time what depends on fills alone: element-wise applications, sums and maxima of constants.
 * A fill is one number however large its shape, so folding never makes data. The scalar semantics are those of
 * the reference backend, rounding to the dtype included; a sum of n equal floats is folded to n·c, which rounds
 * once where the sum rounds n times.
 */
import { isFloat } from '../dtype.ts'
import type { ElementwisePrimitive } from '../program/primitive.ts'
import { elementwisePrimitives } from '../program/primitive.ts'
import type { Program, TensorType, Value } from '../program/program.ts'
import { convertScalar, leastValue, roundTo, scalarFunctions } from '../reference/scalarFunctions.ts'
import { sizeOf } from '../shape.ts'
import { constantOf, fill } from './algebraicRules.ts'
import type { RewriteContext, RewriteRule, RewriteRules } from './rewriteProgram.ts'
import { rewriteProgram } from './rewriteProgram.ts'

/** The numbers that the values equal everywhere, as their dtypes store them; undefined unless all do. */
function constantsOf(values: readonly Value[], context: RewriteContext): number[] | undefined {
  const constants: number[] = []
  for (const value of values) {
    const constant = constantOf(value, context)
    if (constant === undefined) return undefined
    constants.push(roundTo(value.dtype, constant))
  }
  return constants
}

const elementwise =
  (primitive: Exclude<ElementwisePrimitive, 'convert'>): RewriteRule<ElementwisePrimitive> =>
  ({ inputs, type }, context) => {
    const constants = constantsOf(inputs, context)
    if (constants === undefined) return undefined
    const [x, y = 0, z = 0] = constants
    const result = scalarFunctions[primitive](x, y, z, inputs[0].dtype)
    return fill(roundTo(type.dtype, result), type, context)
  }

const convert: RewriteRule<'convert'> = ({ inputs, type }, context) => {
  const constants = constantsOf(inputs, context)
  return constants && fill(convertScalar(constants[0], inputs[0].dtype, type.dtype), type, context)
}

/** n copies of a number added up. */
function total(constant: number, count: number, { dtype }: TensorType): number {
  return roundTo(dtype, isFloat(dtype) ? (count === 0 ? 0 : count * constant) : Math.imul(count, constant))
}

const reduceSum: RewriteRule<'reduceSum'> = ({ inputs, parameters: { axes }, type }, context) => {
  const constants = constantsOf(inputs, context)
  if (constants === undefined) return undefined
  const count = sizeOf(axes.map((axis) => inputs[0].shape[axis]))
  return fill(total(constants[0], count, type), type, context)
}

const reduceMax: RewriteRule<'reduceMax'> = ({ inputs, parameters: { axes }, type }, context) => {
  const constants = constantsOf(inputs, context)
  if (constants === undefined) return undefined
  const isEmpty = axes.some((axis) => inputs[0].shape[axis] === 0)
  return fill(isEmpty ? leastValue[type.dtype] : constants[0], type, context)
}

const rules: RewriteRules = {
  ...(Object.fromEntries(
    elementwisePrimitives
      .filter((primitive) => primitive !== 'convert')
      .map((primitive) => [primitive, [elementwise(primitive)]]),
  ) as RewriteRules),
  convert: [convert],
  reduceSum: [reduceSum],
  reduceMax: [reduceMax],
}

/** The program with constants folded; the same object if there are none to fold. */
export const foldConstants = (program: Program): Program => rewriteProgram(program, rules)
