/**
 * Super-blocks: a product whose packed operands would take too much memory is several products, one after the other,
 * of parts of the batch, rows, columns or depth that are small enough. Parts of the depth add to one another in order.
 * The blocks depend on the shape and the limit alone.
 */
import type { DotKernel, View } from '../../kernel/kernel.ts'
import { mapResultViews } from './productForms.ts'
import { entriesOf, mapOperand } from './operandViews.ts'

interface Extents {
  readonly batch: number
  readonly rows: number
  readonly columns: number
  readonly depth: number
}

type Axis = keyof Extents

/**
 * Blocks are multiples of so many steps of an axis, so that tiles and blocks of the depth are rarely cut, or of the
 * second number where the limit leaves less.
 */
const granules: Readonly<Record<Axis, readonly [number, number]>> = {
  batch: [1, 1],
  rows: [96, 8],
  columns: [96, 8],
  depth: [320, 8],
}

/** An axis cut so far that `bytes` become `limit`, or as far as it goes. */
function cut(extents: Extents, axis: Axis, bytes: number, limit: number): Extents {
  const wanted = (extents[axis] * limit) / bytes
  const [coarse, fine] = granules[axis]
  const granule = wanted >= coarse ? coarse : fine
  const block = granule * Math.max(1, Math.floor(wanted / granule))
  return { ...extents, [axis]: Math.min(extents[axis], block) }
}

/**
 * Extents of blocks of which no operand has more than `limit` bytes, or that cannot be cut further. Heuristic: the longer of an
 * operand's own axis and the depth is cut, because every cut of its own axis packs nothing twice as long as the
 * other operand is whole, and a cut of the depth is one more pass over C.
 */
export function blockExtents(kernel: DotKernel, limit: number): Extents {
  const { batch, rows, columns, depth, lhs, rhs } = kernel
  const sides = [
    { operand: lhs, lanes: 'rows' },
    { operand: rhs, lanes: 'columns' },
  ] as const
  return sides.reduce(
    (whole: Extents, { operand, lanes }) => {
      const bytesOf = (extents: Extents): number =>
        4 * entriesOf(operand, extents.batch) * extents[lanes] * extents.depth
      let extents = whole
      if (bytesOf(extents) > limit && entriesOf(operand, extents.batch) > 1) {
        extents = cut(extents, 'batch', bytesOf(extents), limit)
      }
      for (const axis of extents[lanes] >= extents.depth
        ? [lanes, 'depth' as const]
        : ['depth' as const, lanes]) {
        if (bytesOf(extents) > limit) extents = cut(extents, axis, bytesOf(extents), limit)
      }
      return extents
    },
    { batch, rows, columns, depth },
  )
}

const ranges = (length: number, block: number): { start: number; count: number }[] =>
  Array.from({ length: Math.ceil(length / block) }, (_, i) => ({
    start: i * block,
    count: Math.min(block, length - i * block),
  }))

/** The same views from another first index on. */
const shifted =
  (...first: readonly number[]) =>
  ({ offset, strides }: View): View => ({
    offset: first.reduce((sum, index, axis) => sum + index * strides[axis], offset),
    strides,
  })

/** The products of the blocks, in the order in which they must run. */
export function superBlocks(kernel: DotKernel, block: Extents): DotKernel[] {
  const { lhs, rhs, stores, dtype } = kernel
  return ranges(kernel.batch, block.batch).flatMap((batch) =>
    ranges(kernel.rows, block.rows).flatMap((rows) =>
      ranges(kernel.columns, block.columns).flatMap((columns) => {
        const part: DotKernel = {
          ...mapResultViews(kernel, shifted(batch.start, rows.start, columns.start)),
          batch: batch.count,
          rows: rows.count,
          columns: columns.count,
        }
        const [{ buffer, view }] = part.stores
        const depths = ranges(kernel.depth, block.depth)
        return depths.map((depth, i): DotKernel => ({
          ...part,
          depth: depth.count,
          lhs: mapOperand(lhs, shifted(batch.start, rows.start, depth.start)),
          rhs: mapOperand(rhs, shifted(batch.start, depth.start, columns.start)),
          ...(i > 0 ? { accumulator: { buffer, view } } : {}),
          ...(i < depths.length - 1
            ? { epilogue: [{ kind: 'result', dtype }], stores: [{ ...stores[0], node: 0, view }] }
            : {}),
        }))
      }),
    ),
  )
}
