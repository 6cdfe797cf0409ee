/**
 * The known-answer vectors are those of Random123 (file kat_vectors, lines `threefry2x32 20`), published by the
 * authors of the algorithm. The bulk definition is checked element by element against the block function.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError } from '../errors.ts'
import { fillRandomBits, foldIn, randomBits, randomKey, splitKey, threefry2x32 } from './threefry.ts'

const word = fc.integer({ min: 0, max: 0xffffffff })
const keys = fc.tuple(word, word)

describe('threefry2x32', () => {
  it('gives the published answers after 20 rounds', () => {
    // counter words, key words, answer
    expect(threefry2x32(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe])
    const ones = 0xffffffff
    expect(threefry2x32(ones, ones, ones, ones)).toEqual([0x1cb996fc, 0xbb002be7])
    // counter = 243f6a88 85a308d3, key = 13198a2e 03707344: the hexadecimal digits of pi
    expect(threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0])
  })

  it('maps counters one to one under a fixed key', () => {
    const seen = new Set<bigint>()
    for (let counter = 0; counter < 10_000; counter++) {
      const [x, y] = threefry2x32(1, 2, counter, 0)
      seen.add((BigInt(x) << 32n) | BigInt(y))
    }
    expect(seen.size).toBe(10_000)
  })
})

describe('randomBits', () => {
  it('is the documented word of the documented counter, element by element', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 0, max: 100 }), (key, count) => {
        const bits = randomBits(key, count)
        expect(bits.length).toBe(count)
        for (let i = 0; i < count; i++) {
          const words = threefry2x32(key[0], key[1], 4 * Math.floor(i / 8) + (i % 4), 0)
          expect(bits[i]).toBe(words[Math.floor(i / 4) % 2])
        }
      }),
    )
  })

  it('has every shorter draw as a prefix', () => {
    const long = randomBits([3, 4], 1000)
    for (let count = 0; count < 40; count++) {
      expect([...randomBits([3, 4], count)]).toEqual([...long.subarray(0, count)])
    }
  })

  it('can be filled from any block on', () => {
    const all = randomBits([5, 6], 64)
    const part = new Uint32Array(21)
    fillRandomBits([5, 6], part, 24)
    expect([...part]).toEqual([...all.subarray(24, 45)])
  })

  it('reaches the last element of the stream, and refuses the next', () => {
    const last = new Uint32Array(8)
    fillRandomBits([1, 1], last, 2 ** 33 - 8)
    expect(last[7]).toBe(threefry2x32(1, 1, 0xffffffff, 0)[1])
    expect(() => fillRandomBits([1, 1], last, 2 ** 33)).toThrow(ArgumentError)
  })

  it('sets every bit half of the time', () => {
    const count = 40_000
    const ones = new Array<number>(32).fill(0)
    for (const bits of randomBits(randomKey(7), count)) {
      for (let bit = 0; bit < 32; bit++) ones[bit] += (bits >>> bit) & 1
    }
    // Standard deviation of a count is √(n/4) = 100: five of them.
    for (const total of ones) expect(Math.abs(total - count / 2)).toBeLessThan(500)
  })

  it('refuses bad keys, counts and starts', () => {
    expect(() => randomBits([0, 2 ** 32], 1)).toThrow(ArgumentError)
    expect(() => randomBits([-1, 0], 1)).toThrow(ArgumentError)
    expect(() => randomBits([0.5, 0], 1)).toThrow(ArgumentError)
    for (const count of [-1, 0.5, NaN, 2 ** 34])
      expect(() => randomBits([0, 0], count)).toThrow(ArgumentError)
    expect(() => fillRandomBits([0, 0], new Uint32Array(8), 4)).toThrow(ArgumentError)
  })
})

describe('randomKey', () => {
  it('is the low and the high word of the seed', () => {
    expect(randomKey(5)).toEqual([5, 0])
    expect(randomKey(2 ** 32 + 7)).toEqual([7, 1])
    expect(randomKey(0xfedcba9876543210n)).toEqual([0x76543210, 0xfedcba98])
  })

  it('refuses seeds it would have to round or wrap', () => {
    for (const seed of [-1, 0.5, NaN, 2 ** 53, -1n, 2n ** 64n]) {
      expect(() => randomKey(seed)).toThrow(ArgumentError)
    }
  })
})

describe('splitKey and foldIn', () => {
  it('give children that do not depend on how many there are', () => {
    const key = randomKey(11)
    expect(splitKey(key, 5).slice(0, 2)).toEqual(splitKey(key))
  })

  it('give distinct keys that differ from the bits drawn with the parent', () => {
    const key = randomKey(12)
    const derived = [...splitKey(key, 500), ...Array.from({ length: 500 }, (_, data) => foldIn(key, data))]
    const texts = new Set(derived.map(String))
    expect(texts.size).toBe(1000)
    const bits = randomBits(key, 4000)
    for (let i = 0; i + 4 < bits.length; i++) expect(texts.has(`${bits[i]},${bits[i + 4]}`)).toBe(false)
  })

  it('refuse bad numbers and keys', () => {
    expect(() => splitKey([0, 0], -1)).toThrow(ArgumentError)
    expect(() => splitKey([0, -1])).toThrow(ArgumentError)
    for (const data of [-1, 0.5, 2 ** 32]) expect(() => foldIn([0, 0], data)).toThrow(ArgumentError)
  })
})
