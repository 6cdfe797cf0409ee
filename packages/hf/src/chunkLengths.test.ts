import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunkLengths, defaultChunkLength } from './chunkLengths.ts'

describe('chunkLengths', () => {
  it('cuts into whole chunks and a last one of the whole length or a half, quarter or eighth of it', () => {
    expect(chunkLengths(1000, 500)).toEqual([500, 500])
    expect(chunkLengths(1001, 500)).toEqual([500, 500, 63])
    expect(chunkLengths(200, 500)).toEqual([250])
    expect(chunkLengths(7500, 4096)).toEqual([4096, 4096])
    expect(chunkLengths(600, 4096)).toEqual([1024])
    expect(chunkLengths(1, 1)).toEqual([1])
  })

  it('holds every case, wastes less than half of the last chunk above an eighth, and knows four lengths', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 999 }), (cases, length) => {
        const lengths = chunkLengths(cases, length)
        const total = lengths.reduce((a, b) => a + b)
        expect(total).toBeGreaterThanOrEqual(cases)
        expect(lengths.slice(0, -1).every((each) => each === length)).toBe(true)
        const rest = cases - length * (lengths.length - 1)
        expect(Math.ceil(lengths[lengths.length - 1] / 2) < rest || rest <= Math.ceil(length / 8) + 1).toBe(
          true,
        )
      }),
    )
    const known = new Set(Array.from({ length: 500 }, (_, i) => chunkLengths(i + 1, 500)[0]))
    expect([...known].sort((a, b) => a - b)).toEqual([63, 125, 250, 500])
  })
})

it('devices that compute ahead of the host get longer chunks, and nobody longer ones than there are cases', () => {
  const inStep = { readSync: () => new Float32Array(0) }
  expect(defaultChunkLength({}, 60_000)).toBeGreaterThan(4 * defaultChunkLength(inStep, 60_000))
  expect(defaultChunkLength({}, 200)).toBe(200)
  expect(defaultChunkLength(inStep, 200)).toBe(200)
})
