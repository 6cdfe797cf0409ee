/**
 * Transposition of every primitive; the compiler names the rule that a new primitive lacks. `dot` transposes into
 * `dot` (with the free axes of the other operand contracted), movement into movement: nothing decays into
 * broadcast-multiply-reduce.
 */
import type { DotAxes, PrimitiveName, Tensor, TensorType } from '@hessian-free/tensor'
import {
  applyPrimitive,
  applyProgram,
  convert,
  dotGeneral,
  freeAxes,
  gather,
  inversePermutation,
  negate,
  pad,
  scatterAdd,
  select,
  slice,
  transpose,
  zeros,
  zerosLike,
} from '@hessian-free/tensor'
import { transposeProgram } from '../transposeProgram.ts'
import { notLinear } from './transposeRule.ts'
import type { TransposeRule } from './transposeRule.ts'
import { inPlaces } from '../symbolicZeros.ts'

const range = (start: number, count: number): number[] => Array.from({ length: count }, (_, i) => start + i)

/** A rule for one operand and one result. */
const unary =
  <P extends PrimitiveName>(
    rule: (c: Tensor, type: TensorType, parameters: Parameters<TransposeRule<P>>[0]['parameters']) => Tensor,
  ): TransposeRule<P> =>
  ({ cotangents: [c], types: [type], parameters }) => [c && rule(c, type, parameters)]

/** The cotangent goes to both operands. */
const addRule: TransposeRule<'add'> = ({ cotangents: [c] }) => [c, c]

const multiplyRule: TransposeRule<'multiply'> = ({ primitive, known: [a, b], cotangents: [c] }) => {
  if (a === undefined && b === undefined) return notLinear({ primitive })
  return [b && c?.multiply(b), a && c?.multiply(a)]
}

const divideRule: TransposeRule<'divide'> = ({ primitive, known: [, b], cotangents: [c] }) =>
  b === undefined ? notLinear({ primitive }) : [c?.divide(b), undefined]

const selectRule: TransposeRule<'select'> = ({ primitive, known: [condition], cotangents: [c] }) => {
  if (condition === undefined) return notLinear({ primitive })
  return [undefined, c && select(condition, c, zerosLike(c)), c && select(condition, zerosLike(c), c)]
}

/** The axes that the broadcast added or stretched are summed over. */
const broadcastRule: TransposeRule<'broadcast'> = unary((c, { shape }, { axes }) => {
  const stretched = c.shape
    .map((_, axis) => axis)
    .filter((axis) => !axes.includes(axis) || shape[axes.indexOf(axis)] !== c.shape[axis])
  const summed = stretched.length === 0 ? c : applyPrimitive('reduceSum', [c], { axes: stretched })[0]
  return summed.reshape(shape)
})

const sliceRule: TransposeRule<'slice'> = unary((c, { shape }, { starts, strides }) => {
  const reached = c.shape.map((extent, axis) => starts[axis] + Math.max(0, (extent - 1) * strides[axis] + 1))
  // An empty slice has nothing to give back, and may start at the end.
  if (c.size === 0) return zeros(shape, c.dtype)
  return pad(
    c,
    starts,
    shape.map((extent, axis) => extent - reached[axis]),
    strides.map((stride) => stride - 1),
  )
})

const padRule: TransposeRule<'pad'> = unary((c, { shape }, { low, interior }) =>
  slice(
    c,
    low,
    shape.map((extent, axis) => low[axis] + (extent === 0 ? 0 : (extent - 1) * (interior[axis] + 1) + 1)),
    interior.map((gap) => gap + 1),
  ),
)

const concatenateRule: TransposeRule<'concatenate'> = ({
  known,
  types,
  cotangents: [c],
  parameters: { axis },
}) => {
  let start = 0
  return types.map(({ shape }, i) => {
    const from = start
    start += shape[axis]
    if (c === undefined || known[i] !== undefined) return undefined
    const at = (position: number): number[] => shape.map((_, a) => (a === axis ? position : 0))
    return slice(
      c,
      at(from),
      shape.map((extent, a) => (a === axis ? from + extent : extent)),
    )
  })
}

const gatherRule: TransposeRule<'gather'> = ({
  primitive,
  known: [, indices],
  types: [type],
  cotangents: [c],
  parameters: { axis },
}) =>
  indices === undefined
    ? notLinear({ primitive })
    : [c && scatterAdd(zeros(type.shape, type.dtype), indices, c, axis), undefined]

const scatterAddRule: TransposeRule<'scatterAdd'> = ({
  primitive,
  known: [, indices],
  cotangents: [c],
  parameters: { axis },
}) => (indices === undefined ? notLinear({ primitive }) : [c, undefined, c && gather(c, indices, axis)])

const reduceSumRule: TransposeRule<'reduceSum'> = unary((c, { shape }, { axes }) => {
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  return applyPrimitive('broadcast', [c], { shape, axes: kept })[0]
})

/**
 * out[b, i, j] = Σ_k a[b, i, k] b[b, j, k]. Towards a: contract the cotangent with the right operand over j; the result
 * has axes [b, i, k in the right operand's order]. Towards b: contract the left operand with the cotangent over i;
 * [b, k in the left operand's order, j]. Both are then brought into the operand's own order, for the usual layouts by
 * nothing at all.
 */
const dotRule: TransposeRule<'dot'> = ({
  primitive,
  known: [a, b],
  types: [left, right],
  cotangents: [c],
  parameters,
}) => {
  if (c === undefined) return []
  if (a === undefined && b === undefined) return notLinear({ primitive })
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = parameters
  const lhsFree = freeAxes(left.shape.length, lhsBatch, lhsContract)
  const rhsFree = freeAxes(right.shape.length, rhsBatch, rhsContract)
  const batch = range(0, lhsBatch.length)
  const rows = range(batch.length, lhsFree.length)
  const columns = range(batch.length + lhsFree.length, rhsFree.length)
  const towards = (lhs: Tensor, rhs: Tensor, axes: DotAxes, order: readonly number[]): Tensor =>
    transpose(dotGeneral(lhs, rhs, axes), inversePermutation(order))
  const ascending = (axes: readonly number[]): number[] => [...axes].sort((x, y) => x - y)
  const toLeft = (known: Tensor): Tensor =>
    towards(c, known, { lhsBatch: batch, rhsBatch, lhsContract: columns, rhsContract: rhsFree }, [
      ...lhsBatch,
      ...lhsFree,
      ...ascending(rhsContract).map((axis) => lhsContract[rhsContract.indexOf(axis)]),
    ])
  const toRight = (known: Tensor): Tensor =>
    towards(known, c, { lhsBatch, rhsBatch: batch, lhsContract: lhsFree, rhsContract: rows }, [
      ...rhsBatch,
      ...ascending(lhsContract).map((axis) => rhsContract[lhsContract.indexOf(axis)]),
      ...rhsFree,
    ])
  return [b && toLeft(b), a && toRight(a), c]
}

/** The user's rule if the call carries one, else the transposed program. */
const callRule: TransposeRule<'call'> = ({ known, cotangents, parameters: { program, transpose: rule } }) => {
  const linear = known.map((operand) => operand === undefined)
  if (rule !== undefined) return inPlaces(linear, rule(known, cotangents))
  const given = cotangents.map((c) => c !== undefined)
  const transposed = transposeProgram(program, linear, given)
  const operands = [...known.filter((x) => x !== undefined), ...cotangents.filter((c) => c !== undefined)]
  const found = applyProgram(transposed.program.name, transposed.program, operands)
  return inPlaces(linear, inPlaces(transposed.hasCotangent, found))
}

export const transposeRules: { readonly [P in PrimitiveName]: TransposeRule<P> } = {
  negate: unary((c) => negate(c)),
  abs: notLinear,
  sign: notLinear,
  floor: notLinear,
  round: notLinear,
  sqrt: notLinear,
  exp: notLinear,
  expm1: notLinear,
  log: notLinear,
  log1p: notLinear,
  sin: notLinear,
  cos: notLinear,
  tanh: notLinear,
  sigmoid: notLinear,
  softplus: notLinear,
  not: notLinear,
  stopGradient: notLinear,
  add: addRule,
  subtract: ({ cotangents: [c] }) => [c, c && negate(c)],
  multiply: multiplyRule,
  divide: divideRule,
  power: notLinear,
  maximum: notLinear,
  minimum: notLinear,
  equal: notLinear,
  less: notLinear,
  lessEqual: notLinear,
  and: notLinear,
  or: notLinear,
  select: selectRule,
  convert: unary((c, { dtype }) => convert(c, dtype)),
  fill: notLinear,
  iota: notLinear,
  randomBits: notLinear,
  reshape: unary((c, { shape }) => c.reshape(shape)),
  transpose: unary((c, _type, { permutation }) => transpose(c, inversePermutation(permutation))),
  broadcast: broadcastRule,
  slice: sliceRule,
  pad: padRule,
  concatenate: concatenateRule,
  gather: gatherRule,
  scatterAdd: scatterAddRule,
  reduceSum: reduceSumRule,
  reduceMax: notLinear,
  argMax: notLinear,
  dot: dotRule,
  call: callRule,
}
