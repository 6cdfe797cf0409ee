/**
 * Random domains and views for property tests of generators. A view takes the axes in a random order, may skip elements
 * between rows, start late and run backwards; views that are read may also repeat elements along an axis.
 */
import type { Shape, View } from '@hessian-free/tensor'
import { viewBounds } from '@hessian-free/tensor'
import fc from 'fast-check'

export interface PlacedView {
  readonly view: View
  /** Of a buffer that the view fits into. */
  readonly elements: number
}

/** Mostly extents that are multiples of four, where vectors are used, and some that are not. */
export const arbitraryDomain: fc.Arbitrary<Shape> = fc.array(fc.constantFrom(1, 2, 3, 4, 5, 8, 12, 20, 33), {
  minLength: 0,
  maxLength: 3,
})

interface AxisChoice {
  readonly rank: number
  readonly gap: number
  readonly repeats: boolean
  readonly backwards: boolean
}

const axisChoice: fc.Arbitrary<AxisChoice> = fc.record({
  // The last axis is innermost most of the time, as it is after lowering.
  rank: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
  ),
  gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 4) }),
  repeats: fc.oneof(
    { weight: 3, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  backwards: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
})

function placeView(
  domain: Shape,
  choices: readonly AxisChoice[],
  start: number,
  isRead: boolean,
): PlacedView {
  const innermostFirst = domain
    .map((_, axis) => axis)
    .sort((a, b) => choices[a].rank - choices[b].rank || b - a)
  const strides = domain.map(() => 0)
  let next = 1
  for (const axis of innermostFirst) {
    const { gap, repeats, backwards } = choices[axis]
    if (domain[axis] === 1 || (isRead && repeats)) continue
    strides[axis] = backwards ? -next : next
    next = next * domain[axis] + gap
  }
  const { least } = viewBounds({ offset: 0, strides }, domain)
  const view = { offset: start - least, strides }
  return { view, elements: viewBounds(view, domain).greatest + 1 }
}

const arbitraryPlacedView = (domain: Shape, isRead: boolean): fc.Arbitrary<PlacedView> =>
  fc
    .tuple(
      fc.array(axisChoice, { minLength: domain.length, maxLength: domain.length }),
      fc.constantFrom(0, 0, 0, 4, 3),
    )
    .map(([choices, start]) => placeView(domain, choices, start, isRead))

export const arbitraryReadView = (domain: Shape): fc.Arbitrary<PlacedView> =>
  arbitraryPlacedView(domain, true)

/** Visits no element twice. */
export const arbitraryStoreView = (domain: Shape): fc.Arbitrary<PlacedView> =>
  arbitraryPlacedView(domain, false)
