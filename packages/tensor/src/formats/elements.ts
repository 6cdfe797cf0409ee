/**
 * Stored element types of every file format, and their lossless conversion from and to our five.
 *
 * float16 and bfloat16 widen to float32; 8- and 16-bit integers widen to int32; a boolean byte becomes a
 * 32-bit 0 or 1. 64-bit integers have no type here: int64 is read as int32 and uint64 as uint32 when every
 * value fits (the common case: NumPy's default integer), and the first value that does not is an error.
 * So reading never changes a value, and the dtype never depends on the values.
 */
import { bytesPerElement, typedArray } from '../dtype.ts'
import type { Dtype, TypedArray } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import { reject, requireBytes } from './byteSource.ts'
import type { ByteSource } from './byteSource.ts'

export type StoredType =
  Dtype | 'float16' | 'bfloat16' | 'int8' | 'uint8' | 'int16' | 'uint16' | 'int64' | 'uint64'

/** Bytes of one element in a file, and the dtype it is read as. */
export const storedTypes: Readonly<Record<StoredType, { readonly bytes: number; readonly dtype: Dtype }>> = {
  float16: { bytes: 2, dtype: 'float32' },
  bfloat16: { bytes: 2, dtype: 'float32' },
  float32: { bytes: 4, dtype: 'float32' },
  float64: { bytes: 8, dtype: 'float64' },
  int8: { bytes: 1, dtype: 'int32' },
  uint8: { bytes: 1, dtype: 'int32' },
  int16: { bytes: 2, dtype: 'int32' },
  uint16: { bytes: 2, dtype: 'int32' },
  int32: { bytes: 4, dtype: 'int32' },
  uint32: { bytes: 4, dtype: 'uint32' },
  int64: { bytes: 8, dtype: 'int32' },
  uint64: { bytes: 8, dtype: 'uint32' },
  bool: { bytes: 1, dtype: 'bool' },
}

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Reads element `i` of a widened type. */
type ReadElement = (view: DataView, at: number, littleEndian: boolean) => number

const widened = {
  float16: (view, at, little) => halfToNumber(view.getUint16(at, little)),
  int8: (view, at) => view.getInt8(at),
  uint8: (view, at) => view.getUint8(at),
  int16: (view, at, little) => view.getInt16(at, little),
  uint16: (view, at, little) => view.getUint16(at, little),
} satisfies Partial<Record<StoredType, ReadElement>>

/**
 * `count` elements stored as `type` from byte `at` on, as a fresh array of `storedTypes[type].dtype`.
 * @param what how messages name the array, e.g. `tensor "w"`.
 * @throws {FormatError} if the bytes are not there (checked before allocating), a boolean byte is neither 0
 * nor 1, or a 64-bit integer does not fit 32 bits.
 */
export function decodeElements(
  source: ByteSource,
  at: number,
  count: number,
  type: StoredType,
  littleEndian: boolean,
  what: string,
): TypedArray {
  const { bytes: width, dtype } = storedTypes[type]
  requireBytes(source, at, count * width, what)
  const target = typedArray(dtype, count)
  switch (type) {
    case 'float32':
    case 'float64':
    case 'int32':
    case 'uint32': {
      const raw = bytesOf(target)
      raw.set(source.bytes.subarray(at, at + count * width))
      if (littleEndian !== hostIsLittleEndian) reverseWords(raw, width)
      return target
    }
    case 'bfloat16': {
      // A bfloat16 is the upper half of a float32.
      const words = new Uint32Array(target.buffer)
      for (let i = 0; i < count; i++) words[i] = source.view.getUint16(at + 2 * i, littleEndian) << 16
      return target
    }
    case 'bool':
      return decodeBooleans(source, at, target, what)
    case 'int64':
    case 'uint64':
      return decodeLongs(source, at, target, type, littleEndian, what)
    default: {
      const read: ReadElement = widened[type]
      for (let i = 0; i < count; i++) target[i] = read(source.view, at + i * width, littleEndian)
      return target
    }
  }
}

/** The elements of `array` as file bytes, in the given byte order; a boolean takes one byte. */
export function encodeElements(array: HostArray, littleEndian: boolean): Uint8Array {
  if (array.dtype === 'bool') return Uint8Array.from(array.data)
  const raw = bytesOf(array.data).slice()
  if (littleEndian !== hostIsLittleEndian) reverseWords(raw, bytesPerElement[array.dtype])
  return raw
}

const bytesOf = (array: TypedArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

function reverseWords(raw: Uint8Array, width: number): void {
  for (let start = 0; start < raw.length; start += width) raw.subarray(start, start + width).reverse()
}

function decodeBooleans(source: ByteSource, at: number, target: TypedArray, what: string): TypedArray {
  for (let i = 0; i < target.length; i++) {
    const byte = source.view.getUint8(at + i)
    if (byte > 1) reject(source, at + i, `a boolean of ${what} must be a byte 0 or 1`, String(byte))
    target[i] = byte
  }
  return target
}

function decodeLongs(
  source: ByteSource,
  at: number,
  target: TypedArray,
  type: 'int64' | 'uint64',
  littleEndian: boolean,
  what: string,
): TypedArray {
  const { view } = source
  for (let i = 0; i < target.length; i++) {
    const start = at + 8 * i
    const low = view.getUint32(littleEndian ? start : start + 4, littleEndian)
    const high = view.getInt32(littleEndian ? start + 4 : start, littleEndian)
    // A value fits 32 bits exactly when the upper word is what sign extension (or zero extension) gives.
    if (high !== (type === 'int64' ? (low | 0) >> 31 : 0)) {
      const value =
        type === 'int64' ? view.getBigInt64(start, littleEndian) : view.getBigUint64(start, littleEndian)
      reject(
        source,
        start,
        `an ${type} element of ${what} must fit ${storedTypes[type].dtype}, the widest integer type here`,
        `${value} in element ${i}`,
        'Store it as float64, or split it into two 32-bit arrays',
      )
    }
    target[i] = low
  }
  return target
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits; every value is a float32. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
