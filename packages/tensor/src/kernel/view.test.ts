/** Views against enumeration: the elements a moved view visits are the visited elements, moved. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Shape } from '../shape.ts'
import { sizeOf, stridesOf } from '../shape.ts'
import { forEachElement } from './checkKernelProgram.ts'
import type { View } from './kernel.ts'
import {
  broadcastView,
  composeWithRead,
  denseView,
  isDense,
  normalizeView,
  pullBack,
  reshapeView,
  sliceView,
  transposeView,
  viewBounds,
} from './view.ts'

/** Elements in row-major order of the index. */
function elements(view: View, shape: Shape): number[] {
  const visited: number[] = []
  forEachElement(view, shape, (element) => visited.push(element))
  return visited
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 })
const stridedView = (shape: Shape): fc.Arbitrary<View> =>
  fc
    .record({
      offset: fc.nat(5),
      strides: fc.array(fc.integer({ min: 0, max: 12 }), {
        minLength: shape.length,
        maxLength: shape.length,
      }),
    })
    .map((view) => normalizeView(view, shape))

/** A shape, and another with as many elements made by merging and splitting its extents. */
const shapePairs = shapes.chain((shape) =>
  fc.tuple(fc.shuffledSubarray(shape.flatMap(primeFactors)), fc.nat(2)).map(([, ones]) => {
    const size = sizeOf(shape)
    const factors = primeFactors(size)
    const merged = factors.length > 1 ? [factors[0] * factors[1], ...factors.slice(2)] : factors
    return { from: shape, to: ones === 0 ? [size] : ones === 1 ? [...factors, 1] : [1, ...merged] }
  }),
)

function primeFactors(value: number): number[] {
  for (let factor = 2; factor <= value; factor++) {
    if (value % factor === 0) return [factor, ...primeFactors(value / factor)]
  }
  return []
}

describe('reshapeView', () => {
  it('visits the same elements in the same order wherever it finds a view', () => {
    fc.assert(
      fc.property(
        shapePairs.chain(({ from, to }) => fc.tuple(fc.constant(from), fc.constant(to), stridedView(from))),
        ([from, to, view]) => {
          const reshaped = reshapeView(view, from, to)
          if (reshaped !== undefined) expect(elements(reshaped, to)).toEqual(elements(view, from))
        },
      ),
    )
  })

  it('always finds the view of a dense buffer', () => {
    fc.assert(
      fc.property(shapePairs, fc.nat(9), ({ from, to }, offset) => {
        expect(reshapeView(denseView(from, offset), from, to)).toEqual(denseView(to, offset))
      }),
    )
  })

  it('splits an axis of any stride, and merges only axes that step as one', () => {
    expect(reshapeView({ offset: 1, strides: [5] }, [6], [2, 3])).toEqual({ offset: 1, strides: [15, 5] })
    expect(reshapeView({ offset: 0, strides: [6, 2] }, [2, 3], [6])).toEqual({ offset: 0, strides: [2] })
    expect(reshapeView({ offset: 0, strides: [1, 2] }, [2, 3], [6])).toBeUndefined()
    expect(reshapeView({ offset: 0, strides: [0, 0] }, [2, 3], [3, 2])).toEqual({
      offset: 0,
      strides: [0, 0],
    })
  })

  it('finds a view whenever the elements of a merged axis are equally spaced', () => {
    fc.assert(
      fc.property(
        shapes.chain((shape) => fc.tuple(fc.constant(shape), stridedView(shape))),
        ([shape, view]) => {
          const visited = elements(view, shape)
          const step = visited.length > 1 ? visited[1] - visited[0] : 0
          const even = visited.every((element, i) => element === visited[0] + i * step)
          expect(reshapeView(view, shape, [visited.length]) !== undefined).toBe(even)
        },
      ),
    )
  })
})

describe('movement of views', () => {
  it('transposes, broadcasts and slices as loops over indices do', () => {
    const view = { offset: 3, strides: [10, 2] }
    expect(elements(transposeView(view, [1, 0]), [3, 2])).toEqual([3, 13, 5, 15, 7, 17])
    const stretched = broadcastView({ offset: 3, strides: [0, 2] }, [1, 3], {
      shape: [2, 2, 3],
      axes: [1, 2],
    })
    expect(elements(stretched, [2, 2, 3])).toEqual([3, 5, 7, 3, 5, 7, 3, 5, 7, 3, 5, 7])
    const sliced = sliceView(view, { starts: [1, 0], strides: [1, 2] }, [1, 2])
    expect(sliced).toEqual({ offset: 13, strides: [0, 4] })
  })

  it('bounds the elements a view visits', () => {
    fc.assert(
      fc.property(
        shapes.chain((shape) => fc.tuple(fc.constant(shape), stridedView(shape))),
        ([shape, view]) => {
          const visited = elements(view, shape)
          expect(viewBounds(view, shape)).toEqual({
            least: Math.min(...visited),
            greatest: Math.max(...visited),
          })
        },
      ),
    )
  })

  it('calls a view dense exactly if it counts up by one', () => {
    fc.assert(
      fc.property(
        shapes.chain((shape) => fc.tuple(fc.constant(shape), stridedView(shape))),
        ([shape, view]) => {
          const counts = elements(view, shape).every((element, i) => element === view.offset + i)
          expect(isDense(view, shape)).toBe(counts)
        },
      ),
    )
  })
})

describe('pullBack', () => {
  it('moves a step over a transposed and reshaped result to the domain where that was computed', () => {
    const move = pullBack({ offset: 0, strides: [1, 3] }, [3, 4], [2, 2, 3])
    expect(move?.({ offset: 0, strides: [1, 3] })).toEqual(denseView([2, 2, 3]))
    // The step reads another array row by row; seen from the domain it is read column by column.
    expect(move?.({ offset: 7, strides: stridesOf([3, 4]) })).toEqual({ offset: 7, strides: [2, 1, 4] })
  })

  it('refuses views that repeat or leave out elements', () => {
    expect(pullBack({ offset: 0, strides: [0, 1] }, [2, 3], [6])).toBeUndefined()
    expect(pullBack({ offset: 0, strides: [3] }, [2], [2])).toBeUndefined()
    expect(pullBack({ offset: 1, strides: [1] }, [2], [2])).toBeUndefined()
    expect(pullBack(denseView([2]), [2], [3])).toBeUndefined()
  })
})

describe('composeWithRead', () => {
  /** Reads of a dense array as movement makes them: a slice, transposed, then broadcast along a new axis. */
  const reads = shapes.chain((shape) =>
    fc
      .record({
        starts: fc.tuple(...shape.map((extent) => fc.nat(extent - 1))),
        strides: fc.tuple(...shape.map(() => fc.integer({ min: 1, max: 3 }))),
        order: fc.shuffledSubarray(
          shape.map((_, axis) => axis),
          { minLength: shape.length },
        ),
        copies: fc.integer({ min: 1, max: 3 }),
      })
      .chain(({ starts, strides, order, copies }) => {
        const sliced = shape.map((extent, axis) => Math.ceil((extent - starts[axis]) / strides[axis]))
        const domain = [copies, ...order.map((axis) => sliced[axis])]
        const slice = transposeView(sliceView(denseView(shape), { starts, strides }, sliced), order)
        const view = { offset: slice.offset, strides: [0, ...slice.strides] }
        return fc.record({
          shape: fc.constant(shape),
          domain: fc.constant(domain),
          view: fc.constant(view),
          other: stridedView(shape),
        })
      }),
  )

  it('reads what the array was computed from wherever the read goes', () => {
    fc.assert(
      fc.property(reads, ({ shape, domain, view, other }) => {
        const source = elements(other, shape)
        const composed = composeWithRead(view, domain, shape)?.(other)
        expect(composed && elements(composed, domain)).toEqual(elements(view, domain).map((at) => source[at]))
      }),
      { numRuns: 500 },
    )
  })

  it('is exact for any read inside the array, or undefined', () => {
    let found = 0
    fc.assert(
      fc.property(
        fc.record({ shape: shapes, domain: shapes }).chain(({ shape, domain }) =>
          fc.record({
            shape: fc.constant(shape),
            domain: fc.constant(domain),
            view: stridedView(domain),
            other: stridedView(shape),
          }),
        ),
        ({ shape, domain, view, other }) => {
          fc.pre(viewBounds(view, domain).greatest < sizeOf(shape))
          const composed = composeWithRead(view, domain, shape)?.(other)
          if (composed === undefined) return
          found++
          const source = elements(other, shape)
          expect(elements(composed, domain)).toEqual(elements(view, domain).map((at) => source[at]))
        },
      ),
      { numRuns: 1000 },
    )
    expect(found).toBeGreaterThan(100)
  })

  it('follows reads that run backwards, and gives up on those that carry', () => {
    const bias = { offset: 5, strides: [0, 1] }
    expect(composeWithRead({ offset: 5, strides: [-3, -1] }, [2, 3], [2, 3])?.(bias)).toEqual({
      offset: 7,
      strides: [0, -1],
    })
    expect(composeWithRead(denseView([6]), [6], [2, 3])).toBeUndefined()
    expect(composeWithRead({ offset: 1, strides: [1] }, [3], [2, 3])).toBeUndefined()
    expect(composeWithRead({ offset: 4, strides: [-1] }, [3], [2, 3])).toBeUndefined()
  })
})
