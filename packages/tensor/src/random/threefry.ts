/**
 * Threefry-2x32 with 20 rounds: random bits as a pure function of a key and a counter.
 * Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 4.2.
 *
 * The primitive `randomBits(key, shape)` is defined element by element, the same on every backend:
 *   element i = word ⌊i/4⌋ mod 2 of threefry2x32(key, counter = (4·⌊i/8⌋ + i mod 4, 0)).
 * So four counters give eight elements: words 0 fill elements 8b…8b+3 and words 1 fill 8b+4…8b+7, which is two
 * four-lane vectors without a shuffle. Elements do not depend on the count: a prefix of a longer draw is the
 * shorter draw, and any range can be made alone. The second counter word keeps uses apart: 0 for bits, 1 for
 * `splitKey`, 2 for `foldIn`, so that drawing from a key and deriving keys from it never meet.
 */
import { ArgumentError } from '../errors.ts'

/** Two unsigned 32-bit words. */
export type RandomKey = readonly [number, number]

/** Elements per block of the definition above. */
export const randomBlockLength = 8
/** The first counter word must stay below 2^32. */
export const maximumRandomElements = 2 ** 33

const wordLimit = 2 ** 32
/** Skein's key schedule parity word, C240 folded to 32 bits. */
const parity = 0x1bd11bda
const bitsDomain = 0
const splitDomain = 1
const foldDomain = 2

/** The two output words of one counter under one key; all words are unsigned 32-bit integers. */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): [number, number] {
  const words = new Uint32Array(2)
  threefryInto(words, 0, 1, key0, key1, counter0, counter1)
  return [words[0], words[1]]
}

/** One block: word 0 to `output[first]`, word 1 to `output[second]`. Twenty rounds, key added every four. */
function threefryInto(
  output: Uint32Array,
  first: number,
  second: number,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): void {
  const key2 = key0 ^ key1 ^ parity
  let x = (counter0 + key0) | 0
  let y = (counter1 + key1) | 0
  x = (x + y) | 0
  y = ((y << 13) | (y >>> 19)) ^ x
  x = (x + y) | 0
  y = ((y << 15) | (y >>> 17)) ^ x
  x = (x + y) | 0
  y = ((y << 26) | (y >>> 6)) ^ x
  x = (x + y) | 0
  y = ((y << 6) | (y >>> 26)) ^ x
  x = (x + key1) | 0
  y = (y + key2 + 1) | 0
  x = (x + y) | 0
  y = ((y << 17) | (y >>> 15)) ^ x
  x = (x + y) | 0
  y = ((y << 29) | (y >>> 3)) ^ x
  x = (x + y) | 0
  y = ((y << 16) | (y >>> 16)) ^ x
  x = (x + y) | 0
  y = ((y << 24) | (y >>> 8)) ^ x
  x = (x + key2) | 0
  y = (y + key0 + 2) | 0
  x = (x + y) | 0
  y = ((y << 13) | (y >>> 19)) ^ x
  x = (x + y) | 0
  y = ((y << 15) | (y >>> 17)) ^ x
  x = (x + y) | 0
  y = ((y << 26) | (y >>> 6)) ^ x
  x = (x + y) | 0
  y = ((y << 6) | (y >>> 26)) ^ x
  x = (x + key0) | 0
  y = (y + key1 + 3) | 0
  x = (x + y) | 0
  y = ((y << 17) | (y >>> 15)) ^ x
  x = (x + y) | 0
  y = ((y << 29) | (y >>> 3)) ^ x
  x = (x + y) | 0
  y = ((y << 16) | (y >>> 16)) ^ x
  x = (x + y) | 0
  y = ((y << 24) | (y >>> 8)) ^ x
  x = (x + key1) | 0
  y = (y + key2 + 4) | 0
  x = (x + y) | 0
  y = ((y << 13) | (y >>> 19)) ^ x
  x = (x + y) | 0
  y = ((y << 15) | (y >>> 17)) ^ x
  x = (x + y) | 0
  y = ((y << 26) | (y >>> 6)) ^ x
  x = (x + y) | 0
  y = ((y << 6) | (y >>> 26)) ^ x
  output[first] = (x + key2) | 0
  output[second] = (y + key0 + 5) | 0
}

/**
 * Fills `output` with elements `start`, `start + 1`, … of the key's stream of random bits.
 * @throws {ArgumentError} unless the key is valid and `start` is a non-negative multiple of 8, so that every
 * block begins with `output`.
 */
export function fillRandomBits(key: RandomKey, output: Uint32Array, start = 0): void {
  requireKey('randomBits', key)
  const end = start + output.length
  if (
    !Number.isSafeInteger(start) ||
    start < 0 ||
    start % randomBlockLength !== 0 ||
    end > maximumRandomElements
  ) {
    throw new ArgumentError({
      operation: 'randomBits',
      rule: 'the first element must be a multiple of 8 and the last below 2^33',
      found: `elements ${start} to ${end}`,
    })
  }
  const [key0, key1] = key
  // Stores past the end of a typed array are dropped, which ends the last block where the output ends.
  for (let block = 0; block < output.length; block += randomBlockLength) {
    const counter = (start + block) / 2
    for (let lane = 0; lane < 4; lane++) {
      threefryInto(output, block + lane, block + lane + 4, key0, key1, counter + lane, bitsDomain)
    }
  }
}

/**
 * `count` uniformly distributed 32-bit words; the definition of the primitive `randomBits`.
 * @throws {ArgumentError} unless the key is valid and `count` is an integer in [0, 2^33].
 */
export function randomBits(key: RandomKey, count: number): Uint32Array {
  if (!Number.isSafeInteger(count) || count < 0 || count > maximumRandomElements) {
    throw new ArgumentError({
      operation: 'randomBits',
      rule: 'the count must be an integer in [0, 2^33]',
      found: String(count),
    })
  }
  const output = new Uint32Array(count)
  fillRandomBits(key, output)
  return output
}

/**
 * The key of a seed: its low and high 32 bits.
 * @throws {ArgumentError} unless the seed is a non-negative safe integer or a bigint in [0, 2^64).
 */
export function randomKey(seed: number | bigint): RandomKey {
  const valid =
    typeof seed === 'bigint' ? seed >= 0n && seed < 2n ** 64n : Number.isSafeInteger(seed) && seed >= 0
  if (!valid) {
    throw new ArgumentError({
      operation: 'randomKey',
      rule: 'a seed must be a non-negative safe integer or a bigint in [0, 2^64)',
      found: String(seed),
    })
  }
  const bits = BigInt(seed)
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)]
}

/**
 * `count` keys independent of each other, of their parent's bits and of its `foldIn` keys; child j does not
 * depend on `count`.
 * @throws {ArgumentError} unless the key is valid and `count` is an integer in [0, 2^32].
 */
export function splitKey(key: RandomKey, count = 2): RandomKey[] {
  requireKey('splitKey', key)
  if (!Number.isSafeInteger(count) || count < 0 || count > wordLimit) {
    throw new ArgumentError({
      operation: 'splitKey',
      rule: 'the number of keys must be an integer in [0, 2^32]',
      found: String(count),
    })
  }
  return Array.from({ length: count }, (_, child) => threefry2x32(key[0], key[1], child, splitDomain))
}

/**
 * The key for item number `data` (an iteration, a layer) of `key`.
 * @throws {ArgumentError} unless the key is valid and `data` is an integer in [0, 2^32).
 */
export function foldIn(key: RandomKey, data: number): RandomKey {
  requireKey('foldIn', key)
  if (!isWord(data)) {
    throw new ArgumentError({
      operation: 'foldIn',
      rule: 'data must be an integer in [0, 2^32)',
      found: String(data),
    })
  }
  return threefry2x32(key[0], key[1], data, foldDomain)
}

const isWord = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < wordLimit

function requireKey(operation: string, key: RandomKey): void {
  if (key.length === 2 && isWord(key[0]) && isWord(key[1])) return
  throw new ArgumentError({
    operation,
    rule: 'a key is two integers in [0, 2^32)',
    found: `[${String(key)}]`,
    remedy: 'Make it with randomKey(seed)',
  })
}
