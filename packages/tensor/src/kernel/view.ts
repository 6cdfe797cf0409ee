/**
 * Affine views and what movement does to them. A view maps an index over a shape to an element of a buffer,
 *   element = offset + Σ_a strides[a] · index[a],
 * and transpose, broadcast, slice and most reshapes of a view are views again, so that they cost nothing.
 *
 * Convention: the stride of an axis of extent 1 is 0 (its value does not matter, and equal views compare equal).
 * Shapes here are never empty: lowering drops what has no elements before it makes views.
 */
import type { PrimitiveParameters } from '../program/primitive.ts'
import type { Shape } from '../shape.ts'
import { sizeOf, stridesOf } from '../shape.ts'
import type { View } from './kernel.ts'

/** Row-major over the whole buffer. */
export const denseView = (shape: Shape, offset = 0): View =>
  normalizeView({ offset, strides: stridesOf(shape) }, shape)

/** The same map with stride 0 on axes of extent 1. */
export const normalizeView = ({ offset, strides }: View, shape: Shape): View => ({
  offset,
  strides: strides.map((stride, axis) => (shape[axis] === 1 ? 0 : stride)),
})

export const sameView = (a: View, b: View): boolean =>
  a.offset === b.offset &&
  a.strides.length === b.strides.length &&
  a.strides.every((stride, axis) => stride === b.strides[axis])

export const isDense = (view: View, shape: Shape): boolean =>
  sameView(normalizeView(view, shape), denseView(shape, view.offset))

/** Axis i of the result is axis `permutation[i]`; axes that are left out must have extent 1. */
export const transposeView = ({ offset, strides }: View, permutation: readonly number[]): View => ({
  offset,
  strides: permutation.map((axis) => strides[axis]),
})

/** `from` stretched to `shape` as by the primitive `broadcast`. */
export const broadcastView = (
  { offset, strides }: View,
  from: Shape,
  { shape, axes }: PrimitiveParameters['broadcast'],
): View => ({
  offset,
  strides: shape.map((_, axis) => {
    const source = axes.indexOf(axis)
    return source === -1 || from[source] === 1 ? 0 : strides[source]
  }),
})

/** The elements start, start + stride, … of every axis. */
export const sliceView = (
  view: View,
  { starts, strides }: Pick<PrimitiveParameters['slice'], 'starts' | 'strides'>,
  result: Shape,
): View =>
  normalizeView(
    {
      offset: view.strides.reduce((sum, stride, axis) => sum + stride * starts[axis], view.offset),
      strides: view.strides.map((stride, axis) => stride * strides[axis]),
    },
    result,
  )

/**
 * Of shapes with as many elements: the view over `to` that visits the elements of a view over `from` in the same order, or undefined where no
 * affine map does. Extents of both are matched in runs of equal product; within a run the axes of `from` must
 * already be one: stride[a] = stride[a + 1] · extent[a + 1].
 */
export function reshapeView({ offset, strides }: View, from: Shape, to: Shape): View | undefined {
  const source = from.flatMap((extent, axis) => (extent === 1 ? [] : [axis]))
  const target = to.flatMap((extent, axis) => (extent === 1 ? [] : [axis]))
  const result = new Array<number>(to.length).fill(0)
  let i = 0
  let j = 0
  while (i < source.length && j < target.length) {
    const first = j
    let left = from[source[i]]
    let right = to[target[j]]
    while (left !== right) {
      if (left < right) {
        i++
        if (strides[source[i - 1]] !== strides[source[i]] * from[source[i]]) return undefined
        left *= from[source[i]]
      } else {
        j++
        right *= to[target[j]]
      }
    }
    let stride = strides[source[i]]
    for (let k = j; k >= first; k--) {
      result[target[k]] = stride
      stride *= to[target[k]]
    }
    i++
    j++
  }
  return { offset, strides: result }
}

/** Least and greatest element the view touches over a domain without empty axes. */
export function viewBounds({ offset, strides }: View, domain: Shape): { least: number; greatest: number } {
  let least = offset
  let greatest = offset
  strides.forEach((stride, axis) => {
    const reach = stride * (domain[axis] - 1)
    if (reach < 0) least += reach
    else greatest += reach
  })
  return { least, greatest }
}

/**
 * The map that carries views over `shape` to views over `domain` and makes `view`, which must visit every
 * element of a dense buffer of `domain` once, the dense view of it. Undefined where `view` is no such bijection.
 */
export function pullBack(
  view: View,
  shape: Shape,
  domain: Shape,
): ((other: View) => View | undefined) | undefined {
  if (sizeOf(shape) !== sizeOf(domain)) return undefined
  const order = shape
    .flatMap((extent, axis) => (extent === 1 ? [] : [axis]))
    .sort((a, b) => view.strides[b] - view.strides[a])
  const permuted = order.map((axis) => shape[axis])
  if (!sameView(transposeView(view, order), denseView(permuted))) return undefined
  return (other) => reshapeView(transposeView(other, order), permuted, domain)
}

/**
 * Composition with a read: the map that carries views over `shape` to views over `domain`, where `view` (over `domain`)
 * reads a dense array of `shape`. The offset and every stride are written as sums of row-major strides of `shape`,
 *   stride[a] = Σ_d digit[a, d] · dense[d],
 * so index_d = digit[offset, d] + Σ_a digit[a, d] · index[a] wherever that stays within the extent of axis d.
 * Undefined where it does not: the read carries from one axis into another and the composition is not affine.
 */
export function composeWithRead(
  view: View,
  domain: Shape,
  shape: Shape,
): ((other: View) => View) | undefined {
  const dense = stridesOf(shape)
  const digitsOf = (elements: number): number[] => {
    let rest = Math.abs(elements)
    return dense.map((stride) => {
      const digit = Math.floor(rest / stride)
      rest -= digit * stride
      return elements < 0 ? -digit : digit
    })
  }
  const start = digitsOf(view.offset)
  const steps = normalizeView(view, domain).strides.map(digitsOf)
  const exact = shape.every((extent, d) => {
    const along = { offset: start[d], strides: steps.map((digits) => digits[d]) }
    const { least, greatest } = viewBounds(along, domain)
    return least >= 0 && greatest < extent
  })
  if (!exact) return undefined
  return ({ offset, strides }) => {
    const distance = (digits: readonly number[]): number =>
      digits.reduce((sum, digit, d) => sum + digit * strides[d], 0)
    return { offset: offset + distance(start), strides: steps.map(distance) }
  }
}
