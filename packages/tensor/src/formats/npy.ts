/**
 * NumPy's `.npy` files, versions 1.0, 2.0 and 3.0.
 *
 *   "\x93NUMPY"  major  minor  header length (u16, or u32 from 2.0 on)  header  elements
 *
 * The header is a Python dict literal `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
 * Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`. Differences: Fortran order is transposed to
 * row-major on reading, structured and object arrays are refused, and the element bytes must end the file.
 */
import { typedArray } from '../dtype.ts'
import type { Dtype, TypedArray } from '../dtype.ts'
import { ShapeError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import { formatShape, stridesOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { byteSource, describeByte, maximumRank, reject, requireBytes, requireSize } from './byteSource.ts'
import type { ByteSource } from './byteSource.ts'
import { decodeElements, encodeElements, storedTypes } from './elements.ts'
import type { StoredType } from './elements.ts'
import * as header from './headerCursor.ts'

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

const typeOfKind: ReadonlyMap<string, StoredType> = new Map([
  ['b1', 'bool'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
])

const descriptorOf: Readonly<Record<Dtype, string>> = {
  float32: '<f4',
  float64: '<f8',
  int32: '<i4',
  uint32: '<u4',
  bool: '|b1',
}

interface NpyHeader {
  readonly type: StoredType
  readonly littleEndian: boolean
  readonly fortranOrder: boolean
  readonly shape: Shape
  /** First byte of the elements. */
  readonly dataStart: number
}

/**
 * Reads a `.npy` file from memory. Types narrower than ours widen without loss (see `elements.ts`).
 *
 * @param name how messages name the file.
 * @throws {FormatError} if the bytes are not exactly one well-formed array of a type that has a lossless
 * counterpart here; nothing is allocated before the sizes have been checked against the bytes.
 */
export function parseNpy(bytes: Uint8Array, name?: string): HostArray {
  const source = byteSource('parseNpy', name, bytes)
  const { type, littleEndian, fortranOrder, shape, dataStart } = readHeader(source)
  const what = `an array of shape ${formatShape(shape)} and type ${type}`
  const count = requireSize(source, dataStart, shape, what)
  const dataEnd = dataStart + count * storedTypes[type].bytes
  requireBytes(source, dataStart, dataEnd - dataStart, what)
  if (dataEnd < bytes.length) {
    reject(source, dataEnd, `the file must end after ${what}`, `${bytes.length - dataEnd} more bytes`)
  }
  const stored = decodeElements(source, dataStart, count, type, littleEndian, what)
  const data = fortranOrder && shape.length > 1 ? rowMajor(stored, shape, storedTypes[type].dtype) : stored
  return { dtype: storedTypes[type].dtype, shape, data }
}

/**
 * Writes a `.npy` file, byte for byte as `numpy.save` of NumPy 2 would.
 * @throws {ShapeError} if the rank exceeds 64, NumPy's limit.
 */
export function formatNpy(array: HostArray): Uint8Array {
  const { dtype, shape } = array
  if (shape.length > maximumRank) {
    throw new ShapeError({
      operation: 'formatNpy',
      rule: `an array must have at most ${maximumRank} dimensions`,
      found: `${shape.length} dimensions`,
    })
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  // NumPy leaves room for the first extent to grow to 21 digits, so that a file can be appended to in place.
  const growth = shape.length === 0 ? 0 : 21 - String(shape[0]).length
  const dictionary = `{'descr': '${descriptorOf[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`
  const unpadded = dictionary.length + growth + 1
  const headerLength = Math.ceil((10 + unpadded) / 64) * 64 - 10
  const elements = encodeElements(array, true)
  const file = new Uint8Array(10 + headerLength + elements.length)
  file.set([...magic, 1, 0, headerLength & 0xff, headerLength >> 8])
  file.set(new TextEncoder().encode(`${dictionary.padEnd(headerLength - 1)}\n`), 10)
  file.set(elements, 10 + headerLength)
  return file
}

function readHeader(source: ByteSource): NpyHeader {
  const { view } = source
  requireBytes(source, 0, 10, 'the magic string, version and header length')
  magic.forEach((byte, at) => {
    if (view.getUint8(at) === byte) return
    reject(source, at, 'a .npy file must begin with "\\x93NUMPY"', describeByte(view.getUint8(at)))
  })
  const major = view.getUint8(6)
  const minor = view.getUint8(7)
  if (major < 1 || major > 3 || minor !== 0) {
    reject(source, 6, 'the version must be 1.0, 2.0 or 3.0', `${major}.${minor}`)
  }
  const start = major === 1 ? 10 : 12
  requireBytes(source, 8, start - 8, 'the header length')
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  requireBytes(source, start, length, 'the header')
  const cursor = header.headerCursor(source, start, start + length, 'python')
  return { ...readFields(cursor), dataStart: start + length }
}

function readFields(cursor: header.HeaderCursor): Omit<NpyHeader, 'dataStart'> {
  let descriptor: Pick<NpyHeader, 'type' | 'littleEndian'> | undefined
  let fortranOrder: boolean | undefined
  let shape: Shape | undefined
  header.readDictionary(cursor, (key, at) => {
    if (key === 'descr') descriptor = readDescriptor(cursor)
    else if (key === 'fortran_order') fortranOrder = header.readBoolean(cursor)
    else if (key === 'shape') shape = header.readIntegers(cursor, maximumRank, 'shape')
    else
      reject(
        cursor.source,
        at,
        'the header must have the keys descr, fortran_order and shape only',
        `'${key}'`,
      )
  })
  header.expectEnd(cursor)
  if (descriptor === undefined || fortranOrder === undefined || shape === undefined) {
    const missing =
      descriptor === undefined ? 'descr' : fortranOrder === undefined ? 'fortran_order' : 'shape'
    reject(cursor.source, cursor.end, 'the header must have descr, fortran_order and shape', `no ${missing}`)
  }
  return { ...descriptor, fortranOrder, shape }
}

function readDescriptor(cursor: header.HeaderCursor): Pick<NpyHeader, 'type' | 'littleEndian'> {
  const first = header.peekByte(cursor)
  const at = cursor.position
  if (first === '['.charCodeAt(0)) {
    reject(
      cursor.source,
      at,
      'structured arrays are not supported',
      'a list',
      'Save each field as its own array',
    )
  }
  const text = header.readQuoted(cursor)
  const order = text.slice(0, 1)
  const type = typeOfKind.get(text.slice(1))
  const known =
    type !== undefined && (order === '<' || order === '>' || (order === '|' && storedTypes[type].bytes === 1))
  if (!known) {
    reject(
      cursor.source,
      at,
      'descr must be a byte order (< or >, or | for one byte) and b1, f2, f4, f8, or i or u with 1, 2, 4 or 8',
      `'${text}'`,
      'Convert the array with astype before saving it',
    )
  }
  return { type, littleEndian: order !== '>' }
}

/** Column-major `stored` as row-major: output index (i₀, i₁, …) is stored at i₀ + n₀·(i₁ + n₁·(…)). */
function rowMajor(stored: TypedArray, shape: Shape, dtype: Dtype): TypedArray {
  const target = typedArray(dtype, stored.length)
  const rank = shape.length
  const strides = stridesOf([...shape].reverse()).reverse()
  const index = new Array<number>(rank).fill(0)
  let from = 0
  for (let to = 0; to < target.length; to++) {
    target[to] = stored[from]
    for (let axis = rank - 1; axis >= 0; axis--) {
      from += strides[axis]
      if (++index[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return target
}
