/**
 * How a user says what points a check should try: a tree like the one the function takes, with an arbitrary of
 * fast-check for every tensor, or one arbitrary for the whole tree (for shapes that depend on each other).
 *
 *   { w: floats([3, 2]), b: floats([2]) }
 *
 * Values lie on a grid of 2⁻¹² times the largest, so that no element is so small that differences lose it.
 */
import type { HostArray } from '@hessian-free/tensor'
import { ArgumentError, sizeOf, typedArrayFrom } from '@hessian-free/tensor'
import * as fc from 'fast-check'
import type { HostTree } from './hostTree.ts'
import { hostFloats } from './hostTree.ts'

/** Points of the form `T`: an arbitrary, or a tree of descriptions. */
export type Description<T> =
  fc.Arbitrary<HostTree<T>> | (T extends object ? { readonly [K in keyof T]: Description<T[K]> } : never)

const gridPoints = 4096

/**
 * Float arrays of a shape with elements in [minimum, maximum].
 * @param range default [−1, 1]. Leave out where the function is not differentiable or not defined.
 */
export function floats(
  shape: readonly number[],
  { minimum = -1, maximum = 1 }: { readonly minimum?: number; readonly maximum?: number } = {},
): fc.Arbitrary<HostArray> {
  const size = sizeOf(shape)
  const span = (maximum - minimum) / gridPoints
  return fc
    .array(fc.integer({ min: 0, max: gridPoints }), { minLength: size, maxLength: size })
    .map((steps) =>
      hostFloats(
        steps.map((step) => minimum + step * span),
        shape,
      ),
    )
}

/** Class indices: int32 arrays of a shape with elements in [0, classes). */
export function indices(shape: readonly number[], classes: number): fc.Arbitrary<HostArray> {
  const size = sizeOf(shape)
  return fc
    .array(fc.integer({ min: 0, max: classes - 1 }), { minLength: size, maxLength: size })
    .map((values) => ({ dtype: 'int32', shape, data: typedArrayFrom('int32', values) }))
}

/** The arbitrary that a description stands for. @throws {ArgumentError} at a leaf that is no arbitrary. */
export function arbitraryOf<T>(description: Description<T>): fc.Arbitrary<HostTree<T>> {
  const build = (node: unknown, path: string): fc.Arbitrary<unknown> => {
    if (node instanceof fc.Arbitrary) return node
    if (Array.isArray(node)) return fc.tuple(...node.map((child, i) => build(child, `${path}[${i}]`)))
    if (typeof node === 'object' && node !== null) {
      const entries = Object.entries(node).map(([key, child]) => [key, build(child, `${path}.${key}`)])
      return fc.record(Object.fromEntries(entries) as Record<string, fc.Arbitrary<unknown>>)
    }
    throw new ArgumentError({
      operation: 'description of random points',
      rule: 'every leaf must be an arbitrary of host arrays',
      found: `${typeof node} at point${path}`,
      remedy: 'Use floats(shape), indices(shape, classes) or an arbitrary of your own',
    })
  }
  return build(description, '') as fc.Arbitrary<HostTree<T>>
}
