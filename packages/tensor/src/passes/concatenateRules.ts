/**
 * Rules that carry work into the parts of a concatenation, so that each part is computed and stored by the
 * kernel that produces it: f(concatenate(a, b), y) → concatenate(f(a, y[:k]), f(b, y[k:])).
 *
 * With padding along one axis read as concatenation with zeros, and x + 0 → x, sums of padded parts become one
 * concatenation: the gradient with respect to slices of a flat parameter vector is assembled without any sum.
 */
import type { ElementwisePrimitive, PrimitiveName } from '../program/primitive.ts'
import { elementwisePrimitives } from '../program/primitive.ts'
import type { EquationOf, Value } from '../program/program.ts'
import { sizeOf } from '../shape.ts'
import { fill } from './algebraicRules.ts'
import type { RewriteContext, RewriteRule, RewriteRules } from './rewriteProgram.ts'

/** Heuristic: concatenations of more parts than this are left whole, which bounds the growth of programs. */
const largestPartCount = 64

/** The defining concatenation of a value that nothing else reads. */
function ownConcatenation(value: Value, context: RewriteContext): EquationOf<'concatenate'> | undefined {
  const equation = context.match(value, 'concatenate')
  return equation !== undefined && context.uses(value) === 1 && equation.inputs.length <= largestPartCount
    ? equation
    : undefined
}

/** x[…, start:limit, …] along one axis, other axes whole. */
function sliceAlong(x: Value, axis: number, start: number, limit: number, context: RewriteContext): Value {
  return context.emit('slice', [x], {
    starts: x.shape.map((_, a) => (a === axis ? start : 0)),
    limits: x.shape.map((extent, a) => (a === axis ? limit : extent)),
    strides: x.shape.map(() => 1),
  })
}

const intoParts =
  (primitive: ElementwisePrimitive): RewriteRule<PrimitiveName> =>
  ({ inputs, parameters }, context) => {
    const position = inputs.findIndex((input) => ownConcatenation(input, context) !== undefined)
    if (position === -1) return undefined
    const whole = ownConcatenation(inputs[position], context) as EquationOf<'concatenate'>
    const { axis } = whole.parameters
    let start = 0
    const parts = whole.inputs.map((part) => {
      const limit = start + part.shape[axis]
      const operands = inputs.map((input) =>
        input === inputs[position] ? part : sliceAlong(input, axis, start, limit, context),
      )
      start = limit
      return context.emit(primitive, operands, parameters as EquationOf<ElementwisePrimitive>['parameters'])
    })
    return context.emit('concatenate', parts, whole.parameters)
  }

/** A slice over several parts of a concatenation that nothing else reads → concatenation of their slices. */
const sliceAcrossParts: RewriteRule<'slice'> = ({ inputs: [x], parameters, type }, context) => {
  const whole = ownConcatenation(x, context)
  if (whole === undefined || sizeOf(type.shape) === 0) return undefined
  const { axis } = whole.parameters
  const { starts, limits, strides } = parameters
  if (strides[axis] !== 1) return undefined
  const at = (values: readonly number[], value: number): number[] =>
    values.map((other, a) => (a === axis ? value : other))
  let begin = 0
  const parts: Value[] = []
  for (const part of whole.inputs) {
    const extent = part.shape[axis]
    const first = Math.max(0, starts[axis] - begin)
    const last = Math.min(extent, limits[axis] - begin)
    if (first < last) {
      const within = { starts: at(starts, first), limits: at(limits, last), strides }
      parts.push(context.emit('slice', [part], within))
    }
    begin += extent
  }
  return context.emit('concatenate', parts, whole.parameters)
}

/** Padding along one axis only, without interior → concatenation with zeros. */
const padAlongOneAxis: RewriteRule<'pad'> = ({ inputs: [x], parameters, type }, context) => {
  const { low, high, interior } = parameters
  const padded = type.shape.flatMap((extent, axis) => (extent === x.shape[axis] ? [] : [axis]))
  const [axis] = padded
  if (padded.length !== 1 || (interior[axis] !== 0 && x.shape[axis] > 1)) return undefined
  const zeros = (count: number): Value => {
    const shape = x.shape.map((extent, a) => (a === axis ? count : extent))
    return fill(0, { shape, dtype: x.dtype }, context)
  }
  const parts = [
    ...(low[axis] > 0 ? [zeros(low[axis])] : []),
    x,
    ...(high[axis] > 0 ? [zeros(high[axis])] : []),
  ]
  return context.emit('concatenate', parts, { axis })
}

export const concatenateRules: RewriteRules = {
  ...(Object.fromEntries(
    elementwisePrimitives.map((primitive) => [primitive, [intoParts(primitive)]]),
  ) as RewriteRules),
  slice: [sliceAcrossParts],
  pad: [padAlongOneAxis],
}
