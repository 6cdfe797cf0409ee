/**
 * Rules of primitives that move elements: movements compose, movements of constants are constants, and parts
 * put together are taken apart again without a copy. All are exact.
 */
import type { EquationOf, TensorType, Value } from '../program/program.ts'
import type { PrimitiveName } from '../program/primitive.ts'
import { sameShape, sizeOf } from '../shape.ts'
import { constantOf, fill } from './algebraicRules.ts'
import type { RewriteContext, RewriteRule, RewriteRules } from './rewriteProgram.ts'

const identityOrder = (axes: readonly number[]): boolean => axes.every((axis, i) => axis === i)

/** move(fill) → fill of the moved shape. */
const movedConstant: RewriteRule<PrimitiveName> = ({ inputs: [x], type }, context) => {
  const constant = constantOf(x, context)
  return constant === undefined ? undefined : fill(constant, type, context)
}

const composeReshape: RewriteRule<'reshape'> = ({ inputs: [x], parameters }, context) => {
  if (sameShape(x.shape, parameters.shape)) return x
  const inner = context.match(x, 'reshape')
  return inner === undefined ? undefined : context.emit('reshape', inner.inputs, parameters)
}

const composeTranspose: RewriteRule<'transpose'> = ({ inputs: [x], parameters }, context) => {
  const { permutation } = parameters
  if (identityOrder(permutation)) return x
  const inner = context.match(x, 'transpose')
  if (inner === undefined) return undefined
  const composed = permutation.map((axis) => inner.parameters.permutation[axis])
  return context.emit('transpose', inner.inputs, { permutation: composed })
}

const composeBroadcast: RewriteRule<'broadcast'> = ({ inputs: [x], parameters }, context) => {
  const { shape, axes } = parameters
  if (sameShape(x.shape, shape)) return x
  const inner = context.match(x, 'broadcast')
  if (inner !== undefined) {
    return context.emit('broadcast', inner.inputs, {
      shape,
      axes: inner.parameters.axes.map((axis) => axes[axis]),
    })
  }
  return sizeOf(shape) === sizeOf(x.shape) ? context.emit('reshape', [x], { shape }) : undefined
}

const composeSlice: RewriteRule<'slice'> = ({ inputs: [x], parameters, type }, context) => {
  if (sameShape(x.shape, type.shape)) return x
  const inner = context.match(x, 'slice')
  if (inner === undefined || sizeOf(type.shape) === 0) return undefined
  const outer = parameters
  const { starts, strides } = inner.parameters
  return context.emit('slice', inner.inputs, {
    starts: starts.map((start, a) => start + outer.starts[a] * strides[a]),
    // Just behind the last element taken, so that the limit stays inside the operand.
    limits: starts.map(
      (start, a) => start + (outer.starts[a] + (type.shape[a] - 1) * outer.strides[a]) * strides[a] + 1,
    ),
    strides: strides.map((stride, a) => stride * outer.strides[a]),
  })
}

/** Slice that lies inside one part of a concatenation → slice of the part. */
const sliceOfConcatenate: RewriteRule<'slice'> = ({ inputs: [x], parameters, type }, context) => {
  const whole = context.match(x, 'concatenate')
  if (whole === undefined || sizeOf(type.shape) === 0) return undefined
  const { axis } = whole.parameters
  const start = parameters.starts[axis]
  const last = start + (type.shape[axis] - 1) * parameters.strides[axis]
  let begin = 0
  for (const part of whole.inputs) {
    const end = begin + part.shape[axis]
    if (start >= begin && last < end) {
      const shift = (values: readonly number[], by: number): number[] =>
        values.map((value, a) => (a === axis ? by : value))
      return context.emit('slice', [part], {
        starts: shift(parameters.starts, start - begin),
        limits: shift(parameters.limits, last + 1 - begin),
        strides: parameters.strides,
      })
    }
    begin = end
  }
  return undefined
}

/** Parts without elements vanish, one part is the whole, nested concatenations are one. */
const flattenConcatenate: RewriteRule<'concatenate'> = ({ inputs, parameters }, context) => {
  const { axis } = parameters
  const filled = inputs.filter((part) => sizeOf(part.shape) > 0)
  if (filled.length === 0) return inputs.length === 1 ? inputs[0] : undefined
  const parts = filled.flatMap((part) => {
    const inner = context.match(part, 'concatenate')
    return inner?.parameters.axis === axis && context.uses(part) === 1 ? inner.inputs : [part]
  })
  if (parts.length === 1) return parts[0]
  const same = parts.length === inputs.length && parts.every((part, i) => part === inputs[i])
  return same ? undefined : context.emit('concatenate', parts, parameters)
}

/** Neighbouring parts that are neighbouring slices of one value, or equal constants, are one part. */
const joinNeighbours: RewriteRule<'concatenate'> = ({ inputs, parameters }, context) => {
  const joined: Value[] = []
  for (const part of inputs) {
    const previous = joined.at(-1)
    const both = previous === undefined ? undefined : joinPair(previous, part, parameters.axis, context)
    if (both === undefined) joined.push(part)
    else joined[joined.length - 1] = both
  }
  return joined.length === inputs.length ? undefined : context.emit('concatenate', joined, parameters)
}

function joinPair(a: Value, b: Value, axis: number, context: RewriteContext): Value | undefined {
  const type: TensorType = {
    dtype: a.dtype,
    shape: a.shape.map((extent, i) => (i === axis ? extent + b.shape[i] : extent)),
  }
  const constant = constantOf(a, context)
  if (constant !== undefined && Object.is(constant, constantOf(b, context)))
    return fill(constant, type, context)
  const first = context.match(a, 'slice')
  const second = context.match(b, 'slice')
  if (first === undefined || second === undefined || first.inputs[0] !== second.inputs[0]) return undefined
  const adjacent = first.parameters.starts.every((start, i) =>
    i === axis
      ? first.parameters.strides[i] === 1 &&
        second.parameters.strides[i] === 1 &&
        first.parameters.limits[i] === second.parameters.starts[i]
      : start === second.parameters.starts[i] &&
        first.parameters.limits[i] === second.parameters.limits[i] &&
        first.parameters.strides[i] === second.parameters.strides[i],
  )
  if (!adjacent) return undefined
  const limits = first.parameters.limits.map((limit, i) => (i === axis ? second.parameters.limits[i] : limit))
  return context.emit('slice', first.inputs, { ...first.parameters, limits })
}

const none = (counts: readonly number[]): boolean => counts.every((count) => count === 0)

const simplifyPad: RewriteRule<'pad'> = ({ inputs: [x], parameters, type }, context) => {
  const { low, high, interior } = parameters
  if (sameShape(x.shape, type.shape)) return x
  if (Object.is(constantOf(x, context), 0)) return fill(0, type, context)
  const inner: EquationOf<'pad'> | undefined = context.match(x, 'pad')
  if (inner === undefined || !none(interior) || !none(inner.parameters.interior)) return undefined
  return context.emit('pad', inner.inputs, {
    low: low.map((count, a) => count + inner.parameters.low[a]),
    high: high.map((count, a) => count + inner.parameters.high[a]),
    interior,
  })
}

export const movementRules: RewriteRules = {
  reshape: [movedConstant, composeReshape],
  transpose: [movedConstant, composeTranspose],
  broadcast: [movedConstant, composeBroadcast],
  slice: [movedConstant, composeSlice, sliceOfConcatenate],
  concatenate: [flattenConcatenate, joinNeighbours],
  pad: [simplifyPad],
}
