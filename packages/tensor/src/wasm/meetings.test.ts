/** Every two stages that must be in order are: pair by pair, over made-up kernels. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OrderedKernel } from './meetings.ts'
import { meetings } from './meetings.ts'

const storage = fc.subarray(['a', 'b', 'c', 'scratch'])
const stage = fc.record({ units: fc.constantFrom(1, 1, 7), waits: fc.boolean() })
const kernel: fc.Arbitrary<OrderedKernel> = fc.record({
  reads: storage,
  writes: storage,
  stages: fc.array(stage, { maxLength: 4 }),
})

const overlap = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((each) => others.includes(each))

/** All stages in order, with the kernel and the position that they have in it. */
const flat = (kernels: readonly OrderedKernel[]) =>
  kernels.flatMap((each, kernel) => each.stages.map((stage, at) => ({ ...stage, kernel, at })))

/** Pairs of stages that must be in order and that nothing keeps in order. */
function racesOf(kernels: readonly OrderedKernel[], meets: readonly boolean[]): string[] {
  const stages = flat(kernels)
  return stages.flatMap((second, j) =>
    stages.slice(0, j).flatMap((first, i) => {
      const [one, other] = [kernels[first.kernel], kernels[second.kernel]]
      const mustWait =
        first.kernel === second.kernel
          ? one.stages.slice(first.at + 1, second.at + 1).some(({ waits }) => waits)
          : overlap(one.writes, [...other.reads, ...other.writes]) || overlap(one.reads, other.writes)
      const isOrdered = (first.units === 1 && second.units === 1) || meets.slice(i + 1, j + 1).includes(true)
      return mustWait && !isOrdered ? [`${i} ${j}`] : []
    }),
  )
}

describe('threads meet', () => {
  it('between any two stages that must be in order, unless thread 0 runs both', () => {
    fc.assert(
      fc.property(fc.array(kernel, { maxLength: 6 }), (kernels) => {
        expect(racesOf(kernels, meetings(kernels).flat())).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it('before the first stage of several units where thread 0 alone made what the kernel reads', () => {
    const small = { reads: [], writes: ['a'], stages: [{ units: 1, waits: false }] }
    const product = {
      reads: ['a'],
      writes: ['b', 'scratch'],
      stages: [1, 5, 5].map((units, i) => ({ units, waits: i === 2 })),
    }
    expect(meetings([small, product])).toEqual([[false], [false, true, true]])
  })

  it('nowhere among kernels that thread 0 runs alone, nor among those that share nothing', () => {
    const alone = { reads: ['a'], writes: ['a'], stages: [1, 1].map((units) => ({ units, waits: true })) }
    expect(meetings([alone, alone]).flat()).not.toContain(true)
    const apart = ['a', 'b', 'c'].map((each) => ({
      reads: [each],
      writes: [each],
      stages: [{ units: 9, waits: false }],
    }))
    expect(meetings(apart).flat()).not.toContain(true)
  })
})
