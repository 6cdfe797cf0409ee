/**
 * Support for tests of kernel emitters: host arrays copied into a memory of their own, with guard bytes around each that
 * must not change. The arrays start at multiples of four bytes and of no more, the worst case for vectors.
 */
import type { TypedArray } from '../dtype.ts'
import { dtypeOf, typedArray } from '../dtype.ts'

/** Bytes beside each array that must not change: the alignment of the arrays stays 4, the worst case. */
const guard = 20

/**
 * Copies of the arrays in a memory of their own, and `scratchBytes` more at `scratch`. `starts` says where the copies
 * begin, `contents` what they hold.
 */
export function placeArrays(arrays: readonly TypedArray[], scratchBytes: number) {
  let end = guard
  const starts = arrays.map((array) => {
    const start = end
    end += array.byteLength + guard
    return start
  })
  const scratch = Math.ceil(end / 64) * 64
  const pages = Math.ceil((scratch + scratchBytes) / 65536)
  const memory = new WebAssembly.Memory({ initial: pages })
  const bytes = new Uint8Array(memory.buffer).fill(0xa5)
  arrays.forEach((array, i) => {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), starts[i])
  })
  /** @throws {Error} if a byte outside the arrays changed. */
  const contents = (): TypedArray[] => {
    const ends = arrays.map(({ byteLength }, i) => starts[i] + byteLength)
    const gaps = [0, ...ends].map((from, i) => [from, starts[i] ?? end])
    for (const [from, to] of gaps) {
      const changed = bytes.subarray(from, to).findIndex((byte) => byte !== 0xa5)
      if (changed >= 0) throw new Error(`byte ${from + changed} outside the arrays was written`)
    }
    return arrays.map((array, i) => {
      const copy = typedArray(dtypeOf(array), array.length)
      new Uint8Array(copy.buffer).set(bytes.subarray(starts[i], ends[i]))
      return copy
    })
  }
  return { memory, starts, scratch, contents }
}
