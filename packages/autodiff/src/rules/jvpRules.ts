/**
 * Forward mode of every primitive; the compiler names the rule that a new primitive lacks. Movement, sums and
 * products are linear in each operand, so their rules apply the same primitive to the tangents: a product's
 * derivative is two products into one accumulator and never anything else.
 */
import type { PrimitiveName, Tensor } from '@hessian-free/tensor'
import {
  applyPrimitive,
  applyProgram,
  concatenate,
  convert,
  dotGeneral,
  equal,
  gather,
  scatterAdd,
  zerosLike,
} from '@hessian-free/tensor'
import { jvpProgram } from '../jvpProgram.ts'
import type { JvpRule } from './jvpRule.ts'
import { linear, unary, zeroDerivative } from './jvpRule.ts'
import { jvpRulesElementwise } from './jvpRulesElementwise.ts'
import { inPlaces } from '../symbolicZeros.ts'

/** `y` stretched back over the axes that a reduction of an operand of `shape` removed. */
const spreadOver = (y: Tensor, shape: readonly number[], axes: readonly number[]): Tensor =>
  applyPrimitive('broadcast', [y], {
    shape,
    axes: shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)),
  })[0]

/** The tangent is shared equally among all elements that attain the maximum. */
const reduceMaxRule: JvpRule<'reduceMax'> = (application) =>
  unary<'reduceMax'>((dx, x, y) => {
    const { axes } = application.parameters
    const attained = convert(equal(x, spreadOver(y, x.shape, axes)), x.dtype)
    const count = applyPrimitive('reduceSum', [attained], { axes })[0]
    return applyPrimitive('reduceSum', [dx.multiply(attained)], { axes })[0].divide(count)
  })(application)

const concatenateRule: JvpRule<'concatenate'> = ({ primals, tangents, parameters: { axis } }) => [
  concatenate(
    tangents.map((dx, i) => dx ?? zerosLike(primals[i])),
    axis,
  ),
]

const scatterAddRule: JvpRule<'scatterAdd'> = ({ primals, tangents, parameters: { axis } }) => {
  const [operand, indices] = primals
  const [dOperand, , dUpdates] = tangents
  if (dUpdates === undefined) return [dOperand]
  return [scatterAdd(dOperand ?? zerosLike(operand), indices, dUpdates, axis)]
}

/** d(c + a·b) = dc + da·b + a·db, each product accumulating into the previous term. */
const dotRule: JvpRule<'dot'> = ({ primals: [a, b], tangents: [da, db, dc], parameters: axes }) => {
  const first = da === undefined ? dc : dotGeneral(da, b, axes, dc)
  return [db === undefined ? first : dotGeneral(a, db, axes, first)]
}

/** The user's rule if the call carries one, else the derivative of its program. */
const callRule: JvpRule<'call'> = ({ primals, tangents, outputs, parameters: { program, derivative } }) => {
  if (derivative !== undefined) return derivative(primals, tangents, outputs)
  const derived = jvpProgram(
    program,
    tangents.map((dx) => dx !== undefined),
  )
  const given = tangents.filter((dx) => dx !== undefined)
  const results = applyProgram(derived.program.name, derived.program, [...primals, ...given])
  const found = results.slice(program.outputs.length)
  return inPlaces(derived.hasTangent, found)
}

export const jvpRules: { readonly [P in PrimitiveName]: JvpRule<P> } = {
  ...jvpRulesElementwise,
  fill: zeroDerivative,
  iota: zeroDerivative,
  randomBits: zeroDerivative,
  reshape: linear((dx, { shape }) => dx.reshape(shape)),
  transpose: linear((dx, { permutation }) => dx.transpose(permutation)),
  broadcast: linear((dx, parameters) => applyPrimitive('broadcast', [dx], parameters)[0]),
  slice: linear((dx, parameters) => applyPrimitive('slice', [dx], parameters)[0]),
  pad: linear((dx, parameters) => applyPrimitive('pad', [dx], parameters)[0]),
  concatenate: concatenateRule,
  gather: ({ primals: [, indices], tangents: [dx], parameters: { axis } }) => [
    dx && gather(dx, indices, axis),
  ],
  scatterAdd: scatterAddRule,
  reduceSum: linear((dx, { axes }) => applyPrimitive('reduceSum', [dx], { axes })[0]),
  reduceMax: reduceMaxRule,
  argMax: zeroDerivative,
  dot: dotRule,
  call: callRule,
}
