/**
 * Result types of every primitive, and the checks that go with them. These are the only shape rules in the
 * project: tracing, the checker and the tests all call them.
 */
import type { Dtype } from '../dtype.ts'
import { isFloat } from '../dtype.ts'
import { ArgumentError, DtypeError, ShapeError } from '../errors.ts'
import type { Shape } from '../shape.ts'
import { formatShape, requireShape, sameShape, sizeOf, withoutAxes } from '../shape.ts'
import type { PrimitiveName, PrimitiveParameters } from './primitive.ts'
import { dotShape } from './dotShape.ts'
import type { TensorType } from './program.ts'
import { formatType, typesOf } from './program.ts'

export type ShapeRule<P extends PrimitiveName> = (
  inputs: readonly TensorType[],
  parameters: PrimitiveParameters[P],
) => readonly TensorType[]

type DtypeClass = 'number' | 'float' | 'bool' | 'any'

function requireDtype(operation: string, type: TensorType, wanted: DtypeClass): void {
  const { dtype } = type
  const fits =
    wanted === 'any' ||
    (wanted === 'bool' ? dtype === 'bool' : wanted === 'float' ? isFloat(dtype) : dtype !== 'bool')
  if (fits) return
  throw new DtypeError({
    operation,
    rule: `the operand must be of ${wanted === 'bool' ? 'dtype bool' : `a ${wanted} dtype`}`,
    found: formatType(type),
    remedy: 'Convert it with convert(x, dtype)',
  })
}

function requireArity(operation: string, inputs: readonly TensorType[], ...allowed: number[]): void {
  if (allowed.includes(inputs.length)) return
  throw new ArgumentError({
    operation,
    rule: `takes ${allowed.join(' or ')} operands`,
    found: `${inputs.length}: ${inputs.map(formatType).join(', ')}`,
  })
}

function requireEqualTypes(operation: string, a: TensorType, b: TensorType): void {
  if (a.dtype !== b.dtype) {
    throw new DtypeError({
      operation,
      rule: 'both operands must have the same dtype',
      found: `${formatType(a)} and ${formatType(b)}`,
      remedy: 'Convert one of them with convert(x, dtype)',
    })
  }
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError({
      operation,
      rule: 'both operands of the primitive must have the same shape',
      found: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    })
  }
}

const unary =
  <P extends PrimitiveName>(name: P, wanted: DtypeClass): ShapeRule<P> =>
  (inputs) => {
    requireArity(name, inputs, 1)
    requireDtype(name, inputs[0], wanted)
    return typesOf(inputs)
  }

const binary =
  <P extends PrimitiveName>(name: P, wanted: DtypeClass, result?: Dtype): ShapeRule<P> =>
  (inputs) => {
    requireArity(name, inputs, 2)
    requireDtype(name, inputs[0], wanted)
    requireEqualTypes(name, inputs[0], inputs[1])
    return [{ shape: inputs[0].shape, dtype: result ?? inputs[0].dtype }]
  }

function requireRule(holds: boolean, operation: string, rule: string, found: string): void {
  if (!holds) throw new ShapeError({ operation, rule, found })
}

function requireIndices(operation: string, type: TensorType): void {
  if (type.dtype === 'int32' && type.shape.length === 1) return
  throw new DtypeError({ operation, rule: 'indices must be an int32 vector', found: formatType(type) })
}

const isAxis = (axis: number, shape: Shape): boolean =>
  Number.isInteger(axis) && axis >= 0 && axis < shape.length

const withExtent = (shape: Shape, axis: number, extent: number): Shape =>
  shape.map((e, a) => (a === axis ? extent : e))

function reducedType(
  operation: string,
  input: TensorType,
  axes: readonly number[],
  dtype: Dtype,
): TensorType[] {
  const valid = axes.every((axis, i) => isAxis(axis, input.shape) && axes.indexOf(axis) === i)
  requireRule(
    valid,
    operation,
    'axes must be distinct axes of the operand',
    `axes ${formatShape(axes)} of ${formatType(input)}`,
  )
  return [{ shape: withoutAxes(input.shape, axes), dtype }]
}

export const shapeRules: { readonly [P in PrimitiveName]: ShapeRule<P> } = {
  negate: unary('negate', 'number'),
  abs: unary('abs', 'number'),
  sign: unary('sign', 'number'),
  floor: unary('floor', 'float'),
  round: unary('round', 'float'),
  sqrt: unary('sqrt', 'float'),
  exp: unary('exp', 'float'),
  expm1: unary('expm1', 'float'),
  log: unary('log', 'float'),
  log1p: unary('log1p', 'float'),
  sin: unary('sin', 'float'),
  cos: unary('cos', 'float'),
  tanh: unary('tanh', 'float'),
  sigmoid: unary('sigmoid', 'float'),
  softplus: unary('softplus', 'float'),
  not: unary('not', 'bool'),
  stopGradient: unary('stopGradient', 'any'),
  add: binary('add', 'number'),
  subtract: binary('subtract', 'number'),
  multiply: binary('multiply', 'number'),
  divide: binary('divide', 'number'),
  power: binary('power', 'float'),
  maximum: binary('maximum', 'number'),
  minimum: binary('minimum', 'number'),
  equal: binary('equal', 'any', 'bool'),
  less: binary('less', 'number', 'bool'),
  lessEqual: binary('lessEqual', 'number', 'bool'),
  and: binary('and', 'bool'),
  or: binary('or', 'bool'),
  select: (inputs) => {
    requireArity('select', inputs, 3)
    requireDtype('select', inputs[0], 'bool')
    requireEqualTypes('select', inputs[1], inputs[2])
    requireRule(
      sameShape(inputs[0].shape, inputs[1].shape),
      'select',
      'the condition must have the shape of the branches',
      `${formatType(inputs[0])} and ${formatType(inputs[1])}`,
    )
    return typesOf([inputs[1]])
  },
  convert: (inputs, { dtype }) => {
    requireArity('convert', inputs, 1)
    return [{ shape: inputs[0].shape, dtype }]
  },
  fill: (inputs, { shape, dtype }) => {
    requireArity('fill', inputs, 0)
    requireShape('fill', shape)
    return [{ shape, dtype }]
  },
  iota: (inputs, { shape, dtype, axis }) => {
    requireArity('iota', inputs, 0)
    requireShape('iota', shape)
    requireDtype('iota', { shape, dtype }, 'number')
    requireRule(
      isAxis(axis, shape),
      'iota',
      'the axis must be an axis of the shape',
      `axis ${axis} of ${formatShape(shape)}`,
    )
    return [{ shape, dtype }]
  },
  randomBits: (inputs, { shape }) => {
    requireArity('randomBits', inputs, 1)
    requireShape('randomBits', shape)
    const [key] = inputs
    if (key.dtype !== 'uint32' || !sameShape(key.shape, [2])) {
      throw new DtypeError({
        operation: 'randomBits',
        rule: 'the key must be uint32[2]',
        found: formatType(key),
      })
    }
    return [{ shape, dtype: 'uint32' }]
  },
  reshape: (inputs, { shape }) => {
    requireArity('reshape', inputs, 1)
    requireShape('reshape', shape)
    requireRule(
      sizeOf(shape) === sizeOf(inputs[0].shape),
      'reshape',
      'the number of elements must stay the same',
      `${formatShape(inputs[0].shape)} to ${formatShape(shape)}`,
    )
    return [{ shape, dtype: inputs[0].dtype }]
  },
  transpose: (inputs, { permutation }) => {
    requireArity('transpose', inputs, 1)
    const { shape, dtype } = inputs[0]
    const valid = permutation.length === shape.length && shape.every((_, axis) => permutation.includes(axis))
    requireRule(
      valid,
      'transpose',
      'the permutation must name every axis once',
      `${formatShape(permutation)} of ${formatShape(shape)}`,
    )
    return [{ shape: permutation.map((axis) => shape[axis]), dtype }]
  },
  broadcast: (inputs, { shape, axes }) => {
    requireArity('broadcast', inputs, 1)
    requireShape('broadcast', shape)
    const from = inputs[0].shape
    const valid =
      axes.length === from.length &&
      axes.every(
        (axis, i) =>
          isAxis(axis, shape) &&
          (i === 0 || axis > axes[i - 1]) &&
          (from[i] === shape[axis] || from[i] === 1),
      )
    requireRule(
      valid,
      'broadcast',
      'axes must increase and map each operand axis to an equal extent, or stretch an extent of 1',
      `${formatShape(from)} along axes ${formatShape(axes)} to ${formatShape(shape)}`,
    )
    return [{ shape, dtype: inputs[0].dtype }]
  },
  slice: (inputs, { starts, limits, strides }) => {
    requireArity('slice', inputs, 1)
    const { shape, dtype } = inputs[0]
    const valid =
      [starts, limits, strides].every(
        (list) => list.length === shape.length && list.every(Number.isInteger),
      ) &&
      shape.every(
        (extent, a) => starts[a] >= 0 && starts[a] <= limits[a] && limits[a] <= extent && strides[a] >= 1,
      )
    requireRule(
      valid,
      'slice',
      'needs 0 ≤ start ≤ limit ≤ extent and stride ≥ 1 on every axis',
      `starts ${formatShape(starts)}, limits ${formatShape(limits)}, strides ${formatShape(strides)} of ${formatShape(shape)}`,
    )
    return [{ shape: shape.map((_, a) => Math.ceil((limits[a] - starts[a]) / strides[a])), dtype }]
  },
  pad: (inputs, { low, high, interior }) => {
    requireArity('pad', inputs, 1)
    const { shape, dtype } = inputs[0]
    const valid = [low, high, interior].every(
      (list) => list.length === shape.length && list.every((n) => Number.isInteger(n) && n >= 0),
    )
    requireRule(
      valid,
      'pad',
      'low, high and interior must be non-negative integers, one per axis',
      `rank ${shape.length}`,
    )
    return [{ shape: shape.map((e, a) => low[a] + high[a] + e + Math.max(0, e - 1) * interior[a]), dtype }]
  },
  concatenate: (inputs, { axis }) => {
    requireRule(inputs.length > 0, 'concatenate', 'takes at least one operand', '0')
    const [first] = inputs
    requireRule(
      isAxis(axis, first.shape),
      'concatenate',
      'the axis must be an axis of the operands',
      `axis ${axis} of ${formatType(first)}`,
    )
    for (const input of inputs) {
      requireEqualTypes(
        'concatenate',
        { ...first, shape: withExtent(first.shape, axis, 0) },
        { ...input, shape: withExtent(input.shape, axis, 0) },
      )
    }
    const extent = inputs.reduce((sum, input) => sum + input.shape[axis], 0)
    return [{ shape: withExtent(first.shape, axis, extent), dtype: first.dtype }]
  },
  gather: (inputs, { axis }) => {
    requireArity('gather', inputs, 2)
    const [operand, indices] = inputs
    requireRule(
      isAxis(axis, operand.shape),
      'gather',
      'the axis must be an axis of the operand',
      `axis ${axis} of ${formatType(operand)}`,
    )
    requireIndices('gather', indices)
    const empty = operand.shape[axis] === 0 && indices.shape[0] > 0
    requireRule(!empty, 'gather', 'cannot take elements from an empty axis', formatType(operand))
    return [{ shape: withExtent(operand.shape, axis, indices.shape[0]), dtype: operand.dtype }]
  },
  scatterAdd: (inputs, { axis }) => {
    requireArity('scatterAdd', inputs, 3)
    const [operand, indices, updates] = inputs
    requireDtype('scatterAdd', operand, 'number')
    requireRule(
      isAxis(axis, operand.shape),
      'scatterAdd',
      'the axis must be an axis of the operand',
      `axis ${axis} of ${formatType(operand)}`,
    )
    requireIndices('scatterAdd', indices)
    requireEqualTypes(
      'scatterAdd',
      { ...operand, shape: withExtent(operand.shape, axis, indices.shape[0]) },
      updates,
    )
    const empty = operand.shape[axis] === 0 && indices.shape[0] > 0
    requireRule(!empty, 'scatterAdd', 'cannot add to an empty axis', formatType(operand))
    return typesOf([operand])
  },
  reduceSum: (inputs, { axes }) => {
    requireArity('reduceSum', inputs, 1)
    requireDtype('reduceSum', inputs[0], 'number')
    return reducedType('reduceSum', inputs[0], axes, inputs[0].dtype)
  },
  reduceMax: (inputs, { axes }) => {
    requireArity('reduceMax', inputs, 1)
    requireDtype('reduceMax', inputs[0], 'number')
    return reducedType('reduceMax', inputs[0], axes, inputs[0].dtype)
  },
  argMax: (inputs, { axis }) => {
    requireArity('argMax', inputs, 1)
    requireDtype('argMax', inputs[0], 'number')
    const result = reducedType('argMax', inputs[0], [axis], 'int32')
    requireRule(inputs[0].shape[axis] > 0, 'argMax', 'the axis must not be empty', formatType(inputs[0]))
    return result
  },
  dot: (inputs, axes) => {
    requireArity('dot', inputs, 2, 3)
    const [lhs, rhs, accumulator] = inputs
    requireDtype('dot', lhs, 'float')
    requireDtype('dot', rhs, 'float')
    requireEqualTypes('dot', { shape: [], dtype: lhs.dtype }, { shape: [], dtype: rhs.dtype })
    const result: TensorType = { shape: dotShape(lhs.shape, rhs.shape, axes), dtype: lhs.dtype }
    if (inputs.length === 3) requireEqualTypes('dot (accumulator)', result, accumulator)
    return [result]
  },
  call: (inputs, { program }) => {
    requireArity(`call ${program.name}`, inputs, program.inputs.length)
    program.inputs.forEach((wanted, i) => requireEqualTypes(`call ${program.name}`, wanted, inputs[i]))
    return typesOf(program.outputs)
  },
}

/** Result types of one primitive. @throws {ShapeError | DtypeError | ArgumentError} naming the broken rule. */
export const resultTypes = <P extends PrimitiveName>(
  primitive: P,
  inputs: readonly TensorType[],
  parameters: PrimitiveParameters[P],
): readonly TensorType[] => shapeRules[primitive](inputs, parameters)
