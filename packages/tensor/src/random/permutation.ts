/**
 * Random permutations and samples without replacement, exactly uniform and determined by a key.
 *
 * Forward Fisher-Yates (Durstenfeld 1964): for i = 0, 1, …, swap element i with a uniform one of i … n-1; after k
 * steps the first k elements are a uniform ordered sample. So a sample is a prefix of the permutation of the
 * same key, and a growing sample keeps what it had. For a small sample of a large population the array is
 * virtual: a map holds only displaced elements, which takes O(count) memory.
 */
import { ArgumentError } from '../errors.ts'
import type { RandomKey } from './threefry.ts'
import { uniformIntegers } from './uniformInteger.ts'

/** A map entry takes about this many times the memory of an array element (heuristic). */
const mapOverhead = 16

/**
 * A uniformly random order of 0 … length-1.
 * @throws {ArgumentError} unless the key is valid and `length` is an integer in [0, 2^32].
 */
export function randomPermutation(key: RandomKey, length: number): Uint32Array {
  return sampleWithoutReplacement(key, length, length)
}

/**
 * `count` distinct integers of 0 … population-1 in random order, every ordered sample equally likely; the first
 * `count` elements of `randomPermutation(key, population)`.
 * @throws {ArgumentError} unless the key is valid and 0 ≤ count ≤ population ≤ 2^32, all integers.
 */
export function sampleWithoutReplacement(key: RandomKey, population: number, count: number): Uint32Array {
  const valid =
    Number.isInteger(population) &&
    Number.isInteger(count) &&
    count >= 0 &&
    count <= population &&
    population <= 2 ** 32
  if (!valid) {
    throw new ArgumentError({
      operation: 'sampleWithoutReplacement',
      rule: 'count and population must be integers with 0 ≤ count ≤ population ≤ 2^32',
      found: `count ${count} and population ${population}`,
    })
  }
  return count * mapOverhead < population
    ? sparseSample(key, population, count)
    : denseSample(key, population, count)
}

function denseSample(key: RandomKey, population: number, count: number): Uint32Array {
  const below = uniformIntegers(key)
  const order = Uint32Array.from({ length: population }, (_, i) => i)
  for (let i = 0; i < count; i++) {
    const j = i + below(population - i)
    const chosen = order[j]
    order[j] = order[i]
    order[i] = chosen
  }
  return count === population ? order : order.slice(0, count)
}

function sparseSample(key: RandomKey, population: number, count: number): Uint32Array {
  const below = uniformIntegers(key)
  const displaced = new Map<number, number>()
  const sample = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const j = i + below(population - i)
    sample[i] = displaced.get(j) ?? j
    displaced.set(j, displaced.get(i) ?? i)
  }
  return sample
}
