/**
 * Which axis of a value counts the cases of a batch. Inputs of the batch have it first; every primitive carries
 * it to an axis of its result, or sums it out. This is what tells per-case quantities from sums over cases in a
 * traced gradient, without the user registering anything.
 */
import type { EquationOf, PrimitiveName, Value } from '@hessian-free/tensor'
import { freeAxes, isElementwise } from '@hessian-free/tensor'

/** The axis of cases; 'summed' for a sum over cases; 'none' for what does not depend on the batch. */
export type CaseAxis = number | 'summed' | 'none'

/** The axis of cases of an equation's outputs, given those of its inputs; undefined if cases interact in it. */
export function caseAxisOf<P extends PrimitiveName>(
  equation: EquationOf<P>,
  axisOf: (value: Value) => CaseAxis,
): CaseAxis | undefined {
  const axes = equation.inputs.map(axisOf)
  const counted = [...new Set(axes.filter((axis) => typeof axis === 'number'))]
  if (counted.length === 0) return axes.includes('summed') ? 'summed' : 'none'
  // Only a product that accumulates may meet a sum over cases: Σ a_i b_i + Σ c_i, as where layers share weights.
  if (axes.includes('summed') && !(equation.primitive === 'dot' && axes[2] === 'summed')) return undefined
  const rule: Rule | undefined = isElementwise(equation.primitive)
    ? keepAxis
    : (rules as Record<string, Rule>)[equation.primitive]
  return rule?.(equation, axes)
}

type Rule = (equation: EquationOf<PrimitiveName>, axes: readonly CaseAxis[]) => CaseAxis | undefined
type RuleOf<P extends PrimitiveName> = (
  equation: EquationOf<P>,
  axes: readonly CaseAxis[],
) => CaseAxis | undefined

/** Element-wise: the operands that have cases must have them along one axis. */
const keepAxis: Rule = (_equation, axes) => {
  const counted = [...new Set(axes.filter((axis) => typeof axis === 'number'))]
  return counted.length === 1 ? counted[0] : undefined
}

const afterReduction = (axis: number, axes: readonly number[]): CaseAxis =>
  axes.includes(axis) ? 'summed' : axis - axes.filter((reduced) => reduced < axis).length

/** The axis after a reshape: the one with the same extent and the same number of elements before it. */
function afterReshape(axis: number, from: readonly number[], to: readonly number[]): number | undefined {
  const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
  const before = size(from.slice(0, axis))
  const found = to.findIndex((extent, a) => extent === from[axis] && size(to.slice(0, a)) === before)
  return found < 0 ? undefined : found
}

/** The axis of cases of a product without its accumulator. */
function productAxis(
  { inputs: [lhs, rhs], parameters }: EquationOf<'dot'>,
  left: CaseAxis,
  right: CaseAxis,
): CaseAxis | undefined {
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = parameters
  if (left === 'summed' || right === 'summed') return undefined
  const leftContract = typeof left === 'number' ? lhsContract.indexOf(left) : -1
  const rightContract = typeof right === 'number' ? rhsContract.indexOf(right) : -1
  // Cases summed out against anything but cases are cases mixed by a constant.
  if (leftContract >= 0 || rightContract >= 0) return leftContract === rightContract ? 'summed' : undefined
  const lhsFree = freeAxes(lhs.shape.length, lhsBatch, lhsContract)
  const rhsFree = freeAxes(rhs.shape.length, rhsBatch, rhsContract)
  const place = (axis: number, batch: readonly number[], free: readonly number[], before: number): number =>
    batch.includes(axis) ? batch.indexOf(axis) : batch.length + before + free.indexOf(axis)
  const places = [
    typeof left === 'number' ? place(left, lhsBatch, lhsFree, 0) : undefined,
    typeof right === 'number' ? place(right, rhsBatch, rhsFree, lhsFree.length) : undefined,
  ].filter((axis) => axis !== undefined)
  if (places.length === 0) return 'none'
  return places.every((axis) => axis === places[0]) ? places[0] : undefined
}

/** Primitives that carry cases; the others let them interact or make no sense in a gradient. */
const rules: { readonly [P in PrimitiveName]?: RuleOf<P> } = {
  reshape: ({ inputs, parameters }, [axis]) =>
    afterReshape(axis as number, inputs[0].shape, parameters.shape),
  transpose: ({ parameters }, [axis]) => parameters.permutation.indexOf(axis as number),
  broadcast: ({ parameters }, [axis]) => parameters.axes[axis as number],
  slice: ({ inputs, outputs }, [axis]) =>
    inputs[0].shape[axis as number] === outputs[0].shape[axis as number] ? axis : undefined,
  pad: ({ inputs, outputs }, [axis]) =>
    inputs[0].shape[axis as number] === outputs[0].shape[axis as number] ? axis : undefined,
  concatenate: ({ parameters }, axes) =>
    axes.every((axis) => axis === axes[0]) && axes[0] !== parameters.axis ? axes[0] : undefined,
  gather: ({ parameters }, [operand, indices]) =>
    operand === 'none' && indices === 0
      ? parameters.axis
      : operand !== parameters.axis && indices === 'none'
        ? operand
        : undefined,
  reduceSum: ({ parameters }, [axis]) => afterReduction(axis as number, parameters.axes),
  reduceMax: ({ parameters }, [axis]) =>
    parameters.axes.includes(axis as number) ? undefined : afterReduction(axis as number, parameters.axes),
  argMax: ({ parameters }, [axis]) =>
    parameters.axis === axis ? undefined : afterReduction(axis as number, [parameters.axis]),
  dot: (equation, [left, right, accumulator]) => {
    const product = productAxis(equation, left, right)
    if (accumulator === undefined || accumulator === product) return product
    // A constant may be added to a per-case value and the reverse; its sum over cases may not.
    if (accumulator === 'none') return product
    return product === 'none' && accumulator !== 'summed' ? accumulator : undefined
  },
}
