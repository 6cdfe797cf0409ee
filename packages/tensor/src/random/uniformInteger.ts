/**
 * Exactly uniform integers below a bound, from a key's stream of 32-bit words.
 *
 * A word w < T = 2^32 - (2^32 mod bound) gives w mod bound; a word at or above T is drawn again. T is a multiple
 * of the bound, so every residue has the same number of words: rejection, not the biased plain modulo. The
 * expected number of words is 2^32 / T < 2. Words are used in order, so the draw is a function of the key alone.
 */
import { ArgumentError } from '../errors.ts'
import { fillRandomBits } from './threefry.ts'
import type { RandomKey } from './threefry.ts'

/** Returns a uniform integer in [0, bound) for each call. */
export type UniformIntegers = (bound: number) => number

const wordCount = 2 ** 32
const bufferLength = 256

/**
 * A stateful source of uniform integers.
 * @throws {ArgumentError} from each call unless the bound is an integer in [1, 2^32].
 */
export function uniformIntegers(key: RandomKey): UniformIntegers {
  const buffer = new Uint32Array(bufferLength)
  let start = 0
  let next = bufferLength
  return (bound) => {
    if (!Number.isInteger(bound) || bound < 1 || bound > wordCount) {
      throw new ArgumentError({
        operation: 'uniformIntegers',
        rule: 'the bound must be an integer in [1, 2^32]',
        found: String(bound),
      })
    }
    const accepted = wordCount - (wordCount % bound)
    for (;;) {
      if (next === bufferLength) {
        fillRandomBits(key, buffer, start)
        start += bufferLength
        next = 0
      }
      const word = buffer[next++]
      if (word < accepted) return word % bound
    }
  }
}
