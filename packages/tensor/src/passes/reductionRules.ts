/**
 * Rules of reductions: of nothing, of reductions, of repeated elements,
 *   Σ_r broadcast(x) = n · Σ_r' x,   n the number of repetitions that are summed,
 * which is exact for integers and, for floats, rounds once where the sum rounds n times.
 */
import { noParameters } from '../program/primitive.ts'
import type { EquationOf, TensorType, Value } from '../program/program.ts'
import { sameShape, sizeOf, withoutAxes } from '../shape.ts'
import { fill } from './algebraicRules.ts'
import type { RewriteContext, RewriteRule, RewriteRules } from './rewriteProgram.ts'

type Reduction = 'reduceSum' | 'reduceMax'

/** Over no axes the reduction is the identity, over axes of extent 1 a reshape. */
const trivial: RewriteRule<Reduction> = ({ inputs: [x], parameters: { axes }, type }, context) => {
  if (axes.length === 0) return x
  return axes.every((axis) => x.shape[axis] === 1)
    ? context.emit('reshape', [x], { shape: type.shape })
    : undefined
}

/** A reduction of a reduction of the same kind → one over the axes of both. */
const nested =
  (primitive: Reduction): RewriteRule<Reduction> =>
  ({ inputs: [x], parameters: { axes } }, context) => {
    const inner = context.match(x, primitive)
    if (inner === undefined || context.uses(x) > 1) return undefined
    const [source] = inner.inputs
    const kept = source.shape.map((_, axis) => axis).filter((axis) => !inner.parameters.axes.includes(axis))
    const all = [...inner.parameters.axes, ...axes.map((axis) => kept[axis])].sort((a, b) => a - b)
    return context.emit(primitive, inner.inputs, { axes: all })
  }

interface Unrepeated {
  /** The reduction of what is not repeated, stretched to the result. */
  readonly stretch: (scaled: Value) => Value
  readonly source: Value
  readonly axes: readonly number[]
  /** How often each element entered the reduction. */
  readonly count: number
}

function unrepeated(
  { inputs: [source], parameters: { shape, axes } }: EquationOf<'broadcast'>,
  reduced: readonly number[],
  type: TensorType,
  context: RewriteContext,
): Unrepeated | undefined {
  const repeats = reduced.filter((axis) => source.shape[axes.indexOf(axis)] !== shape[axis])
  const count = sizeOf(repeats.map((axis) => shape[axis]))
  if (repeats.length === 0 || count === 0) return undefined
  const newAxis = (axis: number): number => axis - reduced.filter((other) => other < axis).length
  const keptAxes = axes.filter((axis) => !reduced.includes(axis)).map(newAxis)
  return {
    source,
    axes: axes.flatMap((axis, i) => (reduced.includes(axis) ? [i] : [])),
    count,
    stretch: (scaled) => context.emit('broadcast', [scaled], { shape: type.shape, axes: keptAxes }),
  }
}

const sumOfBroadcast: RewriteRule<'reduceSum'> = ({ inputs: [x], parameters, type }, context) => {
  const repeated = context.match(x, 'broadcast')
  const parts = repeated && unrepeated(repeated, parameters.axes, type, context)
  if (parts === undefined) return undefined
  const sum = context.emit('reduceSum', [parts.source], { axes: parts.axes })
  return parts.stretch(context.emit('multiply', [sum, fill(parts.count, sum, context)], noParameters))
}

const maxOfBroadcast: RewriteRule<'reduceMax'> = ({ inputs: [x], parameters, type }, context) => {
  const repeated = context.match(x, 'broadcast')
  const parts = repeated && unrepeated(repeated, parameters.axes, type, context)
  return parts?.stretch(context.emit('reduceMax', [parts.source], { axes: parts.axes }))
}

/** A reduction over all axes does not see reshapes; what is summed may then be a flat vector. */
const wholeOfReshape =
  (primitive: Reduction): RewriteRule<Reduction> =>
  ({ inputs: [x], type }, context) => {
    const inner = context.match(x, 'reshape')
    if (inner === undefined || type.shape.length > 0) return undefined
    const [source] = inner.inputs
    return context.emit(primitive, [source], { axes: source.shape.map((_, axis) => axis) })
  }

/** A reduction over all axes does not see the order of axes, and one that keeps their order sees it little. */
const reductionOfTranspose =
  (primitive: Reduction): RewriteRule<Reduction> =>
  ({ inputs: [x], parameters: { axes }, type }, context) => {
    const inner = context.match(x, 'transpose')
    if (inner === undefined) return undefined
    const [source] = inner.inputs
    const { permutation } = inner.parameters
    const kept = permutation.filter((_, axis) => !axes.includes(axis))
    if (kept.some((axis, i) => i > 0 && axis < kept[i - 1])) return undefined
    const sourceAxes = axes.map((axis) => permutation[axis]).sort((a, b) => a - b)
    return sameShape(withoutAxes(source.shape, sourceAxes), type.shape)
      ? context.emit(primitive, [source], { axes: sourceAxes })
      : undefined
  }

export const reductionRules: RewriteRules = {
  reduceSum: [
    trivial,
    nested('reduceSum'),
    sumOfBroadcast,
    wholeOfReshape('reduceSum'),
    reductionOfTranspose('reduceSum'),
  ],
  reduceMax: [
    trivial,
    nested('reduceMax'),
    maxOfBroadcast,
    wholeOfReshape('reduceMax'),
    reductionOfTranspose('reduceMax'),
  ],
}
