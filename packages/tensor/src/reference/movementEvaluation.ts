/**
 * Evaluation of the primitives that move elements, as index maps: output element → input element, or for `pad`
 * and `concatenate` input element → output element.
 */
import type { Dtype, TypedArray } from '../dtype.ts'
import { typedArray } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import type { Shape } from '../shape.ts'
import { sizeOf, stridesOf } from '../shape.ts'
import type { EvaluationRule } from './evaluationRule.ts'
import { single } from './evaluationRule.ts'
import { clamp, forEachIndex, positionAt } from './rowMajor.ts'
import { roundTo } from './scalarFunctions.ts'

/** output[index] = input[source(index)]. */
function fromSource(
  input: HostArray,
  shape: Shape,
  source: (index: readonly number[]) => readonly number[],
): TypedArray {
  const result = typedArray(input.dtype, sizeOf(shape))
  const strides = stridesOf(input.shape)
  forEachIndex(shape, (index, position) => {
    result[position] = input.data[positionAt(source(index), strides)]
  })
  return result
}

/** output[target(index)] = input[index]; the rest is zero or already there. */
function toTarget(
  input: HostArray,
  result: TypedArray,
  shape: Shape,
  target: (index: readonly number[]) => readonly number[],
): void {
  const strides = stridesOf(shape)
  forEachIndex(input.shape, (index, position) => {
    result[positionAt(target(index), strides)] = input.data[position]
  })
}

const replaceAt = (index: readonly number[], axis: number, value: number): number[] =>
  index.map((i, a) => (a === axis ? value : i))

const copyOf = (data: TypedArray, dtype: Dtype): TypedArray => {
  const copy = typedArray(dtype, data.length)
  copy.set(data)
  return copy
}

export const reshape: EvaluationRule<'reshape'> = single(([input]) => copyOf(input.data, input.dtype))

export const transpose: EvaluationRule<'transpose'> = single(([input], { permutation }, { shape }) =>
  fromSource(input, shape, (index) => input.shape.map((_, axis) => index[permutation.indexOf(axis)])),
)

export const broadcast: EvaluationRule<'broadcast'> = single(([input], { shape, axes }) =>
  fromSource(input, shape, (index) =>
    input.shape.map((extent, axis) => (extent === 1 ? 0 : index[axes[axis]])),
  ),
)

export const slice: EvaluationRule<'slice'> = single(([input], { starts, strides }, { shape }) =>
  fromSource(input, shape, (index) => index.map((i, axis) => starts[axis] + i * strides[axis])),
)

export const pad: EvaluationRule<'pad'> = single(([input], { low, interior }, { shape, dtype }) => {
  const result = typedArray(dtype, sizeOf(shape))
  toTarget(input, result, shape, (index) => index.map((i, axis) => low[axis] + i * (interior[axis] + 1)))
  return result
})

export const concatenate: EvaluationRule<'concatenate'> = single((inputs, { axis }, { shape, dtype }) => {
  const result = typedArray(dtype, sizeOf(shape))
  let start = 0
  for (const input of inputs) {
    const at = start
    toTarget(input, result, shape, (index) => replaceAt(index, axis, at + index[axis]))
    start += input.shape[axis]
  }
  return result
})

export const gather: EvaluationRule<'gather'> = single(([operand, indices], { axis }, { shape }) =>
  fromSource(operand, shape, (index) =>
    replaceAt(index, axis, clamp(indices.data[index[axis]], 0, operand.shape[axis] - 1)),
  ),
)

/** In row-major order of the updates, each addition rounded: the order in which equal indices add up. */
export const scatterAdd: EvaluationRule<'scatterAdd'> = single(([operand, indices, updates], { axis }) => {
  const { shape, dtype } = operand
  const result = copyOf(operand.data, dtype)
  const strides = stridesOf(shape)
  forEachIndex(updates.shape, (index, position) => {
    const row = clamp(indices.data[index[axis]], 0, shape[axis] - 1)
    const target = positionAt(replaceAt(index, axis, row), strides)
    result[target] = roundTo(dtype, result[target] + updates.data[position])
  })
  return result
})
