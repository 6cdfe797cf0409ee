/**
 * Forward mode of the element-wise primitives: dy = f′(x) · dx, with f′ written as a function of the result
 * where that is cheaper (tanh′ = 1 − y²), because it is then the one array that a linearisation keeps.
 *
 * Where a function is not differentiable the rule takes a fixed element of the subdifferential: 0 for |x| at 0,
 * equal shares at the ties of maximum and minimum (so relu′(0) = ½).
 */
import type { ElementwisePrimitive, Tensor } from '@hessian-free/tensor'
import {
  convert,
  cos,
  equal,
  isFloat,
  less,
  log,
  power,
  select,
  sigmoid,
  sign,
  sin,
  subtract,
  zerosLike,
} from '@hessian-free/tensor'
import type { JvpRule, Tangent } from './jvpRule.ts'
import { sumOf, unary, zeroDerivative } from './jvpRule.ts'

/** d(a·b) = da·b + a·db; for a square 2·a·da, which keeps one array instead of two. */
const multiplyRule: JvpRule<'multiply'> = ({ primals: [a, b], tangents: [da, db] }) => {
  if (a === b && da !== undefined) return [da.multiply(a).multiply(2)]
  return [sumOf(da?.multiply(b), db?.multiply(a))]
}

/** d(a/b) = (da − (a/b)·db) / b. */
const divideRule: JvpRule<'divide'> = ({ primals: [, b], tangents: [da, db], outputs: [y] }) => {
  const pull = db?.multiply(y)
  const numerator = pull === undefined ? da : da === undefined ? pull.negate() : da.subtract(pull)
  return [numerator?.divide(b)]
}

/** d(aᵇ) = b·aᵇ⁻¹·da + log(a)·aᵇ·db, with 0 for the first factor where b = 0 and for the second where a = 0. */
const powerRule: JvpRule<'power'> = ({ primals: [a, b], tangents: [da, db], outputs: [y] }) => {
  const byBase = da?.multiply(select(equal(b, 0), 0, b.multiply(power(a, b.subtract(1)))))
  const byExponent = db?.multiply(y.multiply(log(select(equal(a, 0), 1, a))))
  return [sumOf(byBase, byExponent)]
}

/** Share of the first operand in a choice between two: 1 where it is chosen, ½ at a tie. */
const shareOf = (chosen: Tensor, a: Tensor, b: Tensor): Tensor =>
  select(equal(a, b), 0.5, convert(chosen, a.dtype))

/** d max(a, b) = db + w·(da − db), where w is the share of a. */
const choice =
  (chosen: (a: Tensor, b: Tensor) => Tensor): JvpRule<'maximum' | 'minimum'> =>
  ({ primals: [a, b], tangents: [da, db] }) => {
    const share = shareOf(chosen(a, b), a, b)
    if (db === undefined) return [da?.multiply(share)]
    if (da === undefined) return [db.multiply(subtract(1, share))]
    return [db.add(da.subtract(db).multiply(share))]
  }

const selectRule: JvpRule<'select'> = ({ primals: [condition], tangents: [, whenTrue, whenFalse] }) => {
  const other = whenTrue ?? whenFalse
  if (other === undefined) return [undefined]
  return [select(condition, whenTrue ?? zerosLike(other), whenFalse ?? zerosLike(other))]
}

const subtractTangents = (da: Tangent, db: Tangent): Tangent =>
  db === undefined ? da : da === undefined ? db.negate() : da.subtract(db)

export const jvpRulesElementwise: { readonly [P in ElementwisePrimitive]: JvpRule<P> } = {
  negate: unary((dx) => dx.negate()),
  abs: unary((dx, x) => dx.multiply(sign(x))),
  sign: zeroDerivative,
  floor: zeroDerivative,
  round: zeroDerivative,
  sqrt: unary((dx, _x, y) => dx.divide(y.multiply(2))),
  exp: unary((dx, _x, y) => dx.multiply(y)),
  expm1: unary((dx, _x, y) => dx.multiply(y.add(1))),
  log: unary((dx, x) => dx.divide(x)),
  log1p: unary((dx, x) => dx.divide(x.add(1))),
  sin: unary((dx, x) => dx.multiply(cos(x))),
  cos: unary((dx, x) => dx.multiply(sin(x).negate())),
  tanh: unary((dx, _x, y) => dx.multiply(subtract(1, y.square()))),
  sigmoid: unary((dx, _x, y) => dx.multiply(y.multiply(subtract(1, y)))),
  softplus: unary((dx, x) => dx.multiply(sigmoid(x))),
  not: zeroDerivative,
  stopGradient: zeroDerivative,
  add: ({ tangents: [da, db] }) => [sumOf(da, db)],
  subtract: ({ tangents: [da, db] }) => [subtractTangents(da, db)],
  multiply: multiplyRule,
  divide: divideRule,
  power: powerRule,
  maximum: choice((a, b) => less(b, a)),
  minimum: choice((a, b) => less(a, b)),
  equal: zeroDerivative,
  less: zeroDerivative,
  lessEqual: zeroDerivative,
  and: zeroDerivative,
  or: zeroDerivative,
  select: selectRule,
  convert: ({ tangents: [dx], parameters: { dtype } }) => [
    dx !== undefined && isFloat(dtype) ? convert(dx, dtype) : undefined,
  ],
}
