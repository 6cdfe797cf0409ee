/**
 * What every primitive means: a plain loop for each, over every dtype it takes. float64 is computed in float64;
 * float32 is rounded after each primitive; integers wrap to 32 bits; booleans are 0 and 1. These rules define
 * the semantics that the fused and compiled backends are tested against, so they favour being obvious.
 *
 * NaN: maximum, minimum and reduceMax give NaN if an operand is; comparisons with NaN are false; argMax gives
 * the first NaN if there is one, so that x[argMax x] is the maximum.
 */
import { typedArray } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import type { ElementwisePrimitive, PrimitiveName } from '../program/primitive.ts'
import type { Equation, EquationOf, Program, Value } from '../program/program.ts'
import { sizeOf } from '../shape.ts'
import { randomBits } from '../random/threefry.ts'
import type { EvaluationRule } from './evaluationRule.ts'
import { single } from './evaluationRule.ts'
import * as movement from './movementEvaluation.ts'
import * as reduction from './reductionEvaluation.ts'
import { forEachIndex } from './rowMajor.ts'
import { convertScalar, roundTo, scalarFunctions } from './scalarFunctions.ts'

/** output[i] = round(f(a[i], b[i], c[i])). */
const elementwise = <P extends Exclude<ElementwisePrimitive, 'convert'>>(name: P): EvaluationRule<P> =>
  single(([a, b, c], _, { shape, dtype }) => {
    const f = scalarFunctions[name]
    const result = typedArray(dtype, sizeOf(shape))
    for (let i = 0; i < result.length; i++) {
      result[i] = roundTo(dtype, f(a.data[i], b?.data[i] ?? 0, c?.data[i] ?? 0, a.dtype))
    }
    return result
  })

export const evaluationRules: { readonly [P in PrimitiveName]: EvaluationRule<P> } = {
  negate: elementwise('negate'),
  abs: elementwise('abs'),
  sign: elementwise('sign'),
  floor: elementwise('floor'),
  round: elementwise('round'),
  sqrt: elementwise('sqrt'),
  exp: elementwise('exp'),
  expm1: elementwise('expm1'),
  log: elementwise('log'),
  log1p: elementwise('log1p'),
  sin: elementwise('sin'),
  cos: elementwise('cos'),
  tanh: elementwise('tanh'),
  sigmoid: elementwise('sigmoid'),
  softplus: elementwise('softplus'),
  not: elementwise('not'),
  stopGradient: elementwise('stopGradient'),
  add: elementwise('add'),
  subtract: elementwise('subtract'),
  multiply: elementwise('multiply'),
  divide: elementwise('divide'),
  power: elementwise('power'),
  maximum: elementwise('maximum'),
  minimum: elementwise('minimum'),
  equal: elementwise('equal'),
  less: elementwise('less'),
  lessEqual: elementwise('lessEqual'),
  and: elementwise('and'),
  or: elementwise('or'),
  select: elementwise('select'),
  convert: single(([input], { dtype }) => {
    const result = typedArray(dtype, input.data.length)
    for (let i = 0; i < result.length; i++) result[i] = convertScalar(input.data[i], input.dtype, dtype)
    return result
  }),
  fill: single((_, { shape, dtype, value }) =>
    typedArray(dtype, sizeOf(shape)).fill(convertScalar(value, 'float64', dtype)),
  ),
  iota: single((_, { shape, dtype, axis }) => {
    const result = typedArray(dtype, sizeOf(shape))
    forEachIndex(shape, (index, position) => (result[position] = index[axis]))
    return result
  }),
  randomBits: single(([key], { shape }) => randomBits([key.data[0], key.data[1]], sizeOf(shape))),
  reshape: movement.reshape,
  transpose: movement.transpose,
  broadcast: movement.broadcast,
  slice: movement.slice,
  pad: movement.pad,
  concatenate: movement.concatenate,
  gather: movement.gather,
  scatterAdd: movement.scatterAdd,
  reduceSum: reduction.reduceSum,
  reduceMax: reduction.reduceMax,
  argMax: reduction.argMax,
  dot: reduction.dot,
  call: (inputs, { program }) => evaluateProgram(program, inputs),
}

const evaluate = <P extends PrimitiveName>(
  { primitive, parameters, outputs }: EquationOf<P>,
  inputs: readonly HostArray[],
): readonly HostArray[] => evaluationRules[primitive](inputs, parameters, outputs)

/** Applies the rule of one equation to the values of its inputs. */
export const evaluateEquation = (equation: Equation, inputs: readonly HostArray[]): readonly HostArray[] =>
  evaluate(equation, inputs)

/** Runs a program equation by equation. The results may share storage with the inputs or with one another. */
export function evaluateProgram(program: Program, inputs: readonly HostArray[]): HostArray[] {
  const known = new Map<Value, HostArray>()
  program.inputs.forEach((value, i) => known.set(value, inputs[i]))
  const lookUp = (value: Value): HostArray => known.get(value) as HostArray
  for (const equation of program.equations) {
    const results = evaluateEquation(equation, equation.inputs.map(lookUp))
    equation.outputs.forEach((value, i) => known.set(value, results[i]))
  }
  return program.outputs.map(lookUp)
}
