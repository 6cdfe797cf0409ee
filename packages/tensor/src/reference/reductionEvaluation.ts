/**
 * Evaluation of reductions and products. Float sums accumulate in float64 in row-major order and are rounded
 * once at the end; integer sums wrap.
 */
import type { Dtype, TypedArray } from '../dtype.ts'
import { isFloat, typedArray } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import { freeAxes } from '../program/dotShape.ts'
import type { Shape } from '../shape.ts'
import { sizeOf, stridesOf, withoutAxes } from '../shape.ts'
import type { EvaluationRule } from './evaluationRule.ts'
import { single } from './evaluationRule.ts'
import { forEachIndex, positionAt } from './rowMajor.ts'
import { leastValue, roundTo } from './scalarFunctions.ts'

/** a + b as an accumulator of the dtype does it: float64 for floats, 32 bits for integers. */
export const accumulate = (dtype: Dtype, a: number, b: number): number =>
  isFloat(dtype) ? a + b : roundTo(dtype, a + b)

/** True if `candidate` takes the place of `best`: larger, or the first NaN, which counts as largest. */
export const exceeds = (candidate: number, best: number): boolean =>
  candidate > best || (Number.isNaN(candidate) && !Number.isNaN(best))

/** For every kept index, in order, folds the elements over the reduced axes in row-major order. */
function fold(
  input: HostArray,
  axes: readonly number[],
  start: number,
  step: (accumulator: number, element: number) => number,
): number[] {
  const kept = withoutAxes(input.shape, axes)
  const keptStrides = stridesOf(kept)
  const results = new Array<number>(sizeOf(kept)).fill(start)
  forEachIndex(input.shape, (index, position) => {
    const target = positionAt(withoutAxes(index, axes), keptStrides)
    results[target] = step(results[target], input.data[position])
  })
  return results
}

function rounded(values: readonly number[], dtype: Dtype): TypedArray {
  const result = typedArray(dtype, values.length)
  values.forEach((value, i) => (result[i] = value))
  return result
}

export const reduceSum: EvaluationRule<'reduceSum'> = single(([input], { axes }, { dtype }) =>
  rounded(
    fold(input, axes, 0, (sum, element) => accumulate(dtype, sum, element)),
    dtype,
  ),
)

export const reduceMax: EvaluationRule<'reduceMax'> = single(([input], { axes }, { dtype }) =>
  rounded(
    fold(input, axes, leastValue[dtype], (best, element) => Math.max(best, element)),
    dtype,
  ),
)

export const argMax: EvaluationRule<'argMax'> = single(([input], { axis }, { shape }) => {
  const positions = typedArray('int32', sizeOf(shape))
  const best = new Array<number | undefined>(positions.length).fill(undefined)
  const strides = stridesOf(shape)
  forEachIndex(input.shape, (index, position) => {
    const target = positionAt(withoutAxes(index, [axis]), strides)
    const candidate = input.data[position]
    const current = best[target]
    if (current !== undefined && !exceeds(candidate, current)) return
    best[target] = candidate
    positions[target] = index[axis]
  })
  return positions
})

const pick = <T>(list: readonly T[], positions: readonly number[]): T[] => positions.map((p) => list[p])

/** Where each index of the shape lies, in row-major order. */
function positionsOf(shape: Shape, strides: readonly number[]): number[] {
  const positions = new Array<number>(sizeOf(shape))
  forEachIndex(shape, (index, i) => (positions[i] = positionAt(index, strides)))
  return positions
}

export const dot: EvaluationRule<'dot'> = single(([lhs, rhs, accumulator], axes, { shape, dtype }) => {
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = axes
  const lhsFree = freeAxes(lhs.shape.length, lhsBatch, lhsContract)
  const rhsFree = freeAxes(rhs.shape.length, rhsBatch, rhsContract)
  const lhsStrides = stridesOf(lhs.shape)
  const rhsStrides = stridesOf(rhs.shape)
  const contracted: Shape = pick(lhs.shape, lhsContract)
  // Strides over [batch, lhs free, rhs free] and over the contracted axes.
  const lhsOuter = [...pick(lhsStrides, lhsBatch), ...pick(lhsStrides, lhsFree), ...rhsFree.map(() => 0)]
  const rhsOuter = [...pick(rhsStrides, rhsBatch), ...lhsFree.map(() => 0), ...pick(rhsStrides, rhsFree)]
  const lhsDepth = positionsOf(contracted, pick(lhsStrides, lhsContract))
  const rhsDepth = positionsOf(contracted, pick(rhsStrides, rhsContract))
  const result = typedArray(dtype, sizeOf(shape))
  forEachIndex(shape, (index, position) => {
    const left = positionAt(index, lhsOuter)
    const right = positionAt(index, rhsOuter)
    let sum = 0
    for (let k = 0; k < lhsDepth.length; k++)
      sum += lhs.data[left + lhsDepth[k]] * rhs.data[right + rhsDepth[k]]
    result[position] = accumulator === undefined ? sum : accumulator.data[position] + sum
  })
  return result
})
