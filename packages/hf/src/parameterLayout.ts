/**
 * Parameters are a tree for the user and one flat vector inside: inner products and updates are then one kernel
 * each, curvature pairs are rows, and a checkpoint is one array. Every leaf starts at a multiple of 64 elements
 * (256 bytes in float32, the offset alignment of WebGPU bindings); the gaps hold zeros and stay zero, because
 * every gradient and product writes zeros there.
 */
import {
  ArgumentError,
  DtypeError,
  ShapeError,
  concatenate,
  flattenTree,
  formatShape,
  formatType,
  isFloat,
  operation,
  sameShape,
  unflattenTree,
  zeros,
} from '@hessian-free/tensor'
import type { Dtype, Shape, Tensor, TreeStructure } from '@hessian-free/tensor'

const alignment = 64

interface Segment {
  readonly offset: number
  readonly size: number
  readonly shape: Shape
}

export interface ParameterLayout<P> {
  readonly structure: TreeStructure<P>
  readonly segments: readonly Segment[]
  readonly dtype: Dtype
  /** Length of the flat vector, gaps included. */
  readonly size: number
  /** Number of parameters, gaps not counted. */
  readonly parameterCount: number
}

/**
 * The layout of a parameter tree.
 * @throws {ArgumentError} for an empty tree. @throws {DtypeError} unless all leaves have one float dtype.
 */
export function parameterLayout<P>(parameters: P): ParameterLayout<P> {
  const { leaves, structure } = flattenTree(parameters, 'parameters')
  const [first] = leaves
  if (first === undefined) {
    throw new ArgumentError({
      operation: 'parameters',
      rule: 'the tree must hold at least one tensor',
      found: 'none',
    })
  }
  const odd = leaves.find((leaf) => !isFloat(leaf.dtype) || leaf.dtype !== first.dtype)
  if (odd !== undefined) {
    throw new DtypeError({
      operation: 'parameters',
      rule: 'all parameters must have the same float dtype',
      found: `${formatType(first)} and ${formatType(odd)}`,
    })
  }
  let offset = 0
  const segments = leaves.map(({ size, shape }) => {
    const segment: Segment = { offset, size, shape }
    offset += Math.ceil(size / alignment) * alignment
    return segment
  })
  const parameterCount = segments.reduce((count, segment) => count + segment.size, 0)
  return { structure, segments, dtype: first.dtype, size: offset, parameterCount }
}

function requireShapes(wanted: readonly Shape[], found: readonly Shape[]): void {
  if (wanted.length === found.length && wanted.every((shape, i) => sameShape(shape, found[i]))) return
  throw new ShapeError({
    operation: 'flattenParameters',
    rule: `the leaves must be those of the layout: ${wanted.map(formatShape).join(', ')}`,
    found: found.map(formatShape).join(', '),
  })
}

/**
 * The flat vector of a tree, as one operation: outside a trace the gaps come from the backend of the leaves.
 * @throws {ShapeError} unless the leaves have the shapes of the layout, in its order.
 */
export function flattenParameters<P>(layout: ParameterLayout<P>, tree: P): Tensor {
  const { leaves } = flattenTree(tree, 'parameters')
  requireShapes(
    layout.segments.map(({ shape }) => shape),
    leaves.map(({ shape }) => shape),
  )
  return operation('flattenParameters', '', leaves, (operands) => {
    const parts = operands.flatMap((leaf, i) => {
      const { offset, size } = layout.segments[i]
      const gap = (layout.segments[i + 1]?.offset ?? layout.size) - offset - size
      const vector = leaf.reshape([size])
      return gap === 0 ? [vector] : [vector, zeros([gap], layout.dtype)]
    })
    return concatenate(parts)
  })
}

/** The tree of a flat vector; recorded when tracing, where the slices become views and copy nothing. */
export function unflattenParameters<P>(layout: ParameterLayout<P>, flat: Tensor): P {
  const leaves = layout.segments.map(({ offset, size, shape }) =>
    flat.slice([offset], [offset + size]).reshape(shape),
  )
  return unflattenTree(layout.structure, leaves)
}
