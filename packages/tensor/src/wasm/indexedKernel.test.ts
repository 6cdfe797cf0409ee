/**
 * gather and scatterAdd against the interpreter's plain loops, and random bits against the definition in
 * `random/threefry.ts`; no byte outside the arrays may change.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dtype } from '../dtype.ts'
import { typedArray } from '../dtype.ts'
import type { GatherKernel, RandomBitsKernel, ScatterAddKernel } from '../kernel/kernel.ts'
import { randomBits } from '../random/threefry.ts'
import { differences, runBoth, runShared, sampleArray, unitArbitrary, unwritten } from './singleKernel.ts'

const sizes = fc.record({
  outer: fc.integer({ min: 1, max: 4 }),
  extent: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 60 })),
  count: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 60 })),
  inner: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 70 })),
  dtype: fc.constantFrom<Dtype>('float32', 'int32', 'uint32'),
  offset: fc.integer({ min: 0, max: 3 }),
})

describe('indexed kernels', () => {
  it('gather copies the runs that the indices name, clamped to the axis', () => {
    fc.assert(
      fc.property(sizes, unitArbitrary, ({ outer, extent, count, inner, dtype, offset }, unitElements) => {
        const kernel: GatherKernel = {
          kind: 'gather',
          dtype,
          outer,
          extent,
          count,
          inner,
          operand: { buffer: 0, offset },
          indices: { buffer: 1, offset: 0 },
          output: { buffer: 2, offset: 0 },
        }
        const arrays = [
          sampleArray(dtype, offset + outer * extent * inner, 1),
          sampleArray('int32', count, 2),
          unwritten(dtype, outer * count * inner),
        ]
        const { got, want } = runBoth(kernel, arrays, { unitElements })
        expect([...got[2]]).toEqual([...want[2]])
      }),
      { numRuns: 100 },
    )
  })

  it('scatterAdd adds every run to the one its index names, repeated indices included', () => {
    fc.assert(
      fc.property(sizes, unitArbitrary, ({ outer, extent, count, inner, dtype, offset }, unitElements) => {
        const kernel: ScatterAddKernel = {
          kind: 'scatterAdd',
          dtype,
          outer,
          extent,
          count,
          inner,
          operand: { buffer: 0, offset: 0 },
          indices: { buffer: 1, offset },
          updates: { buffer: 2, offset },
          output: { buffer: 3, offset: 0 },
        }
        const arrays = [
          sampleArray(dtype, outer * extent * inner, 1),
          sampleArray('int32', offset + count, 2),
          sampleArray(dtype, offset + outer * count * inner, 3),
          unwritten(dtype, outer * extent * inner),
        ]
        const { got, want } = runBoth(kernel, arrays, { unitElements })
        expect(differences(got[3], want[3], dtype === 'float32' ? 2e-6 : 0)).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  it('random bits equal their definition for every count', () => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), word, word, fc.nat(5), (count, key0, key1, offset) => {
        const kernel: RandomBitsKernel = {
          kind: 'randomBits',
          count,
          key: { buffer: 0, offset },
          output: { buffer: 1, offset: 1 },
        }
        const key = Uint32Array.from([...new Array<number>(offset).fill(7), key0, key1])
        const got = runShared(kernel, [key, typedArray('uint32', count + 1)], { unitElements: 64 })
        expect([...got[1].subarray(1)]).toEqual([...randomBits([key0, key1], count)])
      }),
      { numRuns: 60 },
    )
  })
})
