/**
 * Four neighbours along the last axis of a domain at once. The domain is walked in quarters: its last axis counts
 * vectors, and views over it are turned into views over quarters. A buffer is bound as vectors where a view over it
 *   element = offset + Σ_a strides[a] · index[a],  strides[last] = 1, everything else a multiple of 4
 * lets every vector be one aligned load; other loads are put together from single elements.
 */
import type { BufferIndex, ScalarNode, Shape, View } from '@hessian-free/tensor'
import { indexValue } from './indexArithmetic.ts'
import type { KernelBindings } from './kernelBindings.ts'
import { valueType } from './kernelBindings.ts'
import type { ExpressionContext } from './scalarExpression.ts'

/** How four neighbours along the last axis lie: one aligned vector, one element, or four elements. */
export type VectorAccess = 'vector' | 'broadcast' | 'scattered'

const lastStride = ({ strides }: View): number => strides[strides.length - 1]

export function vectorAccess(view: View): VectorAccess {
  const { offset, strides } = view
  if (lastStride(view) === 0) return 'broadcast'
  const aligned = offset % 4 === 0 && strides.slice(0, -1).every((stride) => stride % 4 === 0)
  return lastStride(view) === 1 && aligned ? 'vector' : 'scattered'
}

/** The domain with vectors for elements along its last axis; a last vector may be part full. */
export const quarteredDomain = (domain: Shape): Shape =>
  domain.map((extent, axis) => (axis === domain.length - 1 ? Math.ceil(extent / 4) : extent))

/** For a view of kind 'vector': which vector the quarter is. */
export const vectorView = ({ offset, strides }: View): View => ({
  offset: offset / 4,
  strides: strides.map((stride, axis) => (axis === strides.length - 1 ? stride : stride / 4)),
})

/** For any view: the first element of the quarter. */
export const firstOfQuarter = ({ offset, strides }: View): View => ({
  offset,
  strides: strides.map((stride, axis) => (axis === strides.length - 1 ? 4 * stride : stride)),
})

/** Buffers that are to be bound as vectors: those of the views of kind 'vector'. */
export const vectorBuffers = (
  accesses: readonly { readonly buffer: BufferIndex; readonly view: View }[],
): Set<BufferIndex> =>
  new Set(accesses.flatMap(({ buffer, view }) => (vectorAccess(view) === 'vector' ? [buffer] : [])))

/** Loads among nodes. */
export const loadsOf = (nodes: readonly ScalarNode[]): Extract<ScalarNode, { readonly kind: 'load' }>[] =>
  nodes.flatMap((node) => (node.kind === 'load' ? [node] : []))

/**
 * Reads four elements at an index of the quartered domain.
 * @param elementOf the element (u32 expression) that a view over the quartered domain visits.
 */
export const vectorAccessBy = (
  bindings: KernelBindings,
  elementOf: (view: View) => string,
): Pick<ExpressionContext, 'lanes' | 'load' | 'index'> => ({
  lanes: 4,
  load: ({ buffer, view, dtype }) => {
    const type = valueType(dtype, 4)
    switch (vectorAccess(view)) {
      case 'vector':
        return bindings.loadVector(buffer, elementOf(vectorView(view)))
      case 'broadcast':
        return `${type}(${bindings.load(buffer, elementOf(view))})`
      case 'scattered': {
        const first = elementOf(firstOfQuarter(view))
        const stride = lastStride(view)
        const lanes = [0, 1, 2, 3].map((lane) => bindings.load(buffer, offsetBy(first, lane * stride)))
        return `${type}(${lanes.join(', ')})`
      }
    }
  },
  index: (node) => indexValue(node, elementOf(firstOfQuarter(node.view)), 4, lastStride(node.view)),
})

const offsetBy = (element: string, distance: number): string =>
  distance === 0 ? element : distance < 0 ? `${element} - ${-distance}u` : `${element} + ${distance}u`
