/**
 * IDX files, the format of the MNIST images and labels: all big-endian,
 *
 *   0  0  type  rank   extent (u32) × rank   elements
 *
 * with type 0x08 uint8, 0x09 int8, 0x0B int16, 0x0C int32, 0x0D float32, 0x0E float64.
 * Source: Y. LeCun, "The MNIST database of handwritten digits", section "File formats". Differs from lax
 * readers: the elements must end the file exactly.
 */
import type { Dtype } from '../dtype.ts'
import { ArgumentError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import { formatShape } from '../shape.ts'
import { byteSource, maximumRank, reject, requireBytes, requireSize } from './byteSource.ts'
import { decodeElements, storedTypes } from './elements.ts'

/** Element types an IDX file can hold. */
export type IdxType = 'uint8' | 'int8' | 'int16' | 'int32' | 'float32' | 'float64'

const typeCodes: Readonly<Record<IdxType, number>> = {
  uint8: 0x08,
  int8: 0x09,
  int16: 0x0b,
  int32: 0x0c,
  float32: 0x0d,
  float64: 0x0e,
}

const typeOfCode: ReadonlyMap<number, IdxType> = new Map(
  (Object.keys(typeCodes) as IdxType[]).map((type) => [typeCodes[type], type]),
)

/**
 * Reads an IDX file from memory: integers as int32, floats as they are.
 *
 * @param name how messages name the file.
 * @throws {FormatError} unless the bytes are exactly one well-formed array; the sizes are checked against the
 * bytes before anything is allocated.
 */
export function parseIdx(bytes: Uint8Array, name?: string): HostArray {
  const source = byteSource('parseIdx', name, bytes)
  const { view } = source
  requireBytes(source, 0, 4, 'the magic number')
  if (view.getUint16(0) !== 0) {
    const remedy =
      view.getUint16(0) === 0x1f8b ? 'The file is compressed: decompress it with gunzip' : undefined
    reject(
      source,
      0,
      'an IDX file must begin with two zero bytes',
      `0x${view.getUint16(0).toString(16)}`,
      remedy,
    )
  }
  const code = view.getUint8(2)
  const type = typeOfCode.get(code)
  if (type === undefined) {
    const known = [...typeOfCode].map(([value, name]) => `0x0${value.toString(16)} ${name}`).join(', ')
    reject(source, 2, `the type must be one of ${known}`, `0x${code.toString(16).padStart(2, '0')}`)
  }
  const rank = view.getUint8(3)
  if (rank > maximumRank) reject(source, 3, `the rank must be at most ${maximumRank}`, String(rank))
  requireBytes(source, 4, 4 * rank, `${rank} extents`)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const what = `an array of shape ${formatShape(shape)} and type ${type}`
  const count = requireSize(source, 4, shape, what)
  const start = 4 + 4 * rank
  const end = start + count * storedTypes[type].bytes
  requireBytes(source, start, end - start, what)
  if (end < bytes.length) {
    reject(source, end, `the file must end after ${what}`, `${bytes.length - end} more bytes`)
  }
  const data = decodeElements(source, start, count, type, false, what)
  return { dtype: storedTypes[type].dtype, shape, data }
}

/** Smallest and largest integer of each type; floats take every value of their own dtype. */
const integerRanges: Readonly<Partial<Record<IdxType, readonly [number, number]>>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
}

const defaultTypes: Readonly<Record<Dtype, IdxType>> = {
  float32: 'float32',
  float64: 'float64',
  int32: 'int32',
  uint32: 'int32',
  bool: 'uint8',
}

const setters: Readonly<Record<IdxType, (view: DataView, at: number, value: number) => void>> = {
  uint8: (view, at, value) => view.setUint8(at, value),
  int8: (view, at, value) => view.setInt8(at, value),
  int16: (view, at, value) => view.setInt16(at, value),
  int32: (view, at, value) => view.setInt32(at, value),
  float32: (view, at, value) => view.setFloat32(at, value),
  float64: (view, at, value) => view.setFloat64(at, value),
}

/**
 * Writes an IDX file.
 *
 * @param type the stored element type; by default the array's own, int32 for uint32 and uint8 for bool.
 * @throws {ArgumentError} if a value is not exactly representable in `type`, the rank exceeds 64 or an extent
 * 2^32 - 1.
 */
export function formatIdx(array: HostArray, type: IdxType = defaultTypes[array.dtype]): Uint8Array {
  const { shape, data } = array
  if (shape.length > maximumRank || shape.some((extent) => extent >= 2 ** 32)) {
    throw new ArgumentError({
      operation: 'formatIdx',
      rule: `the rank must be at most ${maximumRank} and every extent below 2^32`,
      found: formatShape(shape),
    })
  }
  const start = 4 + 4 * shape.length
  const { bytes: width } = storedTypes[type]
  const file = new Uint8Array(start + data.length * width)
  const view = new DataView(file.buffer)
  file[2] = typeCodes[type]
  file[3] = shape.length
  shape.forEach((extent, axis) => view.setUint32(4 + 4 * axis, extent))
  const representable = representableIn(type)
  const set = setters[type]
  for (let i = 0; i < data.length; i++) {
    if (!representable(data[i])) {
      throw new ArgumentError({
        operation: 'formatIdx',
        rule: `every element must be exactly representable as ${type}`,
        found: `${String(data[i])} in element ${i}`,
        remedy: 'Choose a wider type',
      })
    }
    set(view, start + i * width, data[i])
  }
  return file
}

function representableIn(type: IdxType): (value: number) => boolean {
  const range = integerRanges[type]
  if (range !== undefined) {
    return (value) =>
      Number.isInteger(value) && value >= range[0] && value <= range[1] && !Object.is(value, -0)
  }
  return type === 'float64' ? () => true : (value) => Object.is(Math.fround(value), value)
}
