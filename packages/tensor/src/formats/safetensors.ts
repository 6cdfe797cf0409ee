/**
 * safetensors: named tensors and string metadata in one file.
 *
 *   header length (u64)  {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}  elements
 *
 * Little-endian, row-major; offsets count from the end of the header. Source: the format section of the
 * safetensors README (huggingface/safetensors). As there, duplicate names, holes, overlaps and bytes that
 * belong to no tensor are refused. Misaligned elements are allowed there and so read here (they are copied
 * out); what is written is always aligned. Differs: types without a lossless counterpart here are errors.
 */
import type { Dtype } from '../dtype.ts'
import { ArgumentError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import { formatShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { byteSource, maximumRank, reject, requireBytes, requireSize } from './byteSource.ts'
import type { ByteSource } from './byteSource.ts'
import { decodeElements, encodeElements, storedTypes } from './elements.ts'
import type { StoredType } from './elements.ts'
import * as header from './headerCursor.ts'

/** What a safetensors file holds. The records have no prototype, so no name can collide with one. */
export interface Safetensors {
  readonly tensors: Readonly<Record<string, HostArray>>
  readonly metadata: Readonly<Record<string, string>>
}

/** The reference implementation's limit on the header. */
const maximumHeaderLength = 100_000_000

const typeOfName: ReadonlyMap<string, StoredType> = new Map([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U64', 'uint64'],
  ['U32', 'uint32'],
  ['U16', 'uint16'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
])

const nameOfDtype: Readonly<Record<Dtype, string>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint32: 'U32',
  bool: 'BOOL',
}

/** One header entry: `begin` and `end` count from the start of the file, `at` is where its name stands. */
interface Entry {
  readonly name: string
  readonly at: number
  readonly type: StoredType
  readonly shape: Shape
  readonly count: number
  readonly begin: number
  readonly end: number
}

/**
 * Reads a safetensors file from memory. F16 and BF16 widen to float32, I8, U8, I16 and U16 to int32; I64 is
 * read as int32 and U64 as uint32 when every value fits.
 *
 * @param name how messages name the file.
 * @throws {FormatError} if the header or the layout breaks the format, or a tensor has no lossless
 * counterpart here; the message names the tensor, its dtype and the byte offset. Nothing is allocated for a
 * tensor before its range has been checked against the file.
 */
export function parseSafetensors(bytes: Uint8Array, name?: string): Safetensors {
  const source = byteSource('parseSafetensors', name, bytes)
  const dataStart = readHeaderEnd(source)
  const metadata = emptyRecord<string>()
  const entries: Entry[] = []
  const cursor = header.headerCursor(source, 8, dataStart, 'json')
  header.readDictionary(cursor, (key, at) => {
    if (key === '__metadata__') readMetadata(cursor, metadata)
    else entries.push(readEntry(cursor, key, at))
  })
  header.expectEnd(cursor)
  requireTiling(source, dataStart, entries)
  const tensors = emptyRecord<HostArray>()
  for (const { name: tensor, type, shape, count, begin } of entries) {
    const data = decodeElements(
      source,
      begin,
      count,
      type,
      true,
      `tensor ${JSON.stringify(tensor)} (${type})`,
    )
    tensors[tensor] = { dtype: storedTypes[type].dtype, shape, data }
  }
  return { tensors, metadata }
}

/**
 * Writes a safetensors file: wider element types first, then in the order given, so that every tensor is
 * aligned and equal input gives equal bytes.
 *
 * @throws {ArgumentError} if a name is `__metadata__` or `__proto__`, a name or value is no well-formed
 * Unicode, or a rank exceeds 64.
 */
export function formatSafetensors(
  tensors: Readonly<Record<string, HostArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const ordered = Object.entries(tensors)
    .map(([name, array]) => ({ name, array, raw: encodeElements(array, true) }))
    .sort((a, b) => storedTypes[b.array.dtype].bytes - storedTypes[a.array.dtype].bytes)
  const fields: string[] = []
  const metadataFields = Object.entries(metadata).map(([key, value]) => `${quoteKey(key)}:${quote(value)}`)
  if (metadataFields.length > 0) fields.push(`"__metadata__":{${metadataFields.join(',')}}`)
  let offset = 0
  for (const { name, array, raw } of ordered) {
    requireWritable(name, array)
    const end = offset + raw.length
    const type = nameOfDtype[array.dtype]
    const shape = `[${array.shape.join(',')}]`
    fields.push(`${quoteKey(name)}:{"dtype":"${type}","shape":${shape},"data_offsets":[${offset},${end}]}`)
    offset = end
  }
  const text = new TextEncoder().encode(`{${fields.join(',')}}`)
  const headerLength = Math.ceil(text.length / 8) * 8
  const file = new Uint8Array(8 + headerLength + offset)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true)
  file.fill(0x20, 8, 8 + headerLength)
  file.set(text, 8)
  let position = 8 + headerLength
  for (const { raw } of ordered) {
    file.set(raw, position)
    position += raw.length
  }
  return file
}

function emptyRecord<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>
}

function readHeaderEnd(source: ByteSource): number {
  requireBytes(source, 0, 8, 'the header length')
  const length = source.view.getBigUint64(0, true)
  if (length > BigInt(maximumHeaderLength)) {
    reject(source, 0, `the header must be at most ${maximumHeaderLength} bytes long`, String(length))
  }
  requireBytes(source, 8, Number(length), 'the header')
  if (length === 0n || source.bytes[8] !== '{'.charCodeAt(0)) {
    reject(source, 8, "the header must begin with '{'", length === 0n ? 'an empty header' : 'another byte')
  }
  return 8 + Number(length)
}

function readMetadata(cursor: header.HeaderCursor, metadata: Record<string, string>): void {
  header.readDictionary(cursor, (key) => {
    metadata[key] = header.readQuoted(cursor)
  })
}

function readEntry(cursor: header.HeaderCursor, name: string, at: number): Entry {
  const { source, end: dataStart } = cursor
  const tensor = `tensor ${JSON.stringify(name)}`
  let type: StoredType | undefined
  let shape: number[] | undefined
  let offsets: number[] | undefined
  header.readDictionary(cursor, (key, keyAt) => {
    if (key === 'dtype') type = readType(cursor, tensor)
    else if (key === 'shape') shape = header.readIntegers(cursor, maximumRank, `the shape of ${tensor}`)
    else if (key === 'data_offsets') offsets = header.readIntegers(cursor, 2, `data_offsets of ${tensor}`)
    else reject(source, keyAt, `${tensor} must have dtype, shape and data_offsets only`, JSON.stringify(key))
  })
  if (type === undefined || shape === undefined || offsets?.length !== 2) {
    const missing = type === undefined ? 'dtype' : shape === undefined ? 'shape' : 'pair of data_offsets'
    reject(source, at, `${tensor} must have dtype, shape and two data_offsets`, `no ${missing}`)
  }
  const count = requireSize(source, at, shape, tensor)
  const [begin, end] = offsets
  const available = source.bytes.length - dataStart
  const range = `data_offsets [${begin},${end}]`
  if (begin > end || end > available) {
    reject(source, at, `${tensor} must lie within the ${available} bytes after the header`, range)
  }
  const size = count * storedTypes[type].bytes
  if (end - begin !== size) {
    reject(source, at, `${tensor} of type ${type} and shape ${formatShape(shape)} takes ${size} bytes`, range)
  }
  return { name, at, type, shape, count, begin: dataStart + begin, end: dataStart + end }
}

function readType(cursor: header.HeaderCursor, tensor: string): StoredType {
  header.peekByte(cursor)
  const at = cursor.position
  const text = header.readQuoted(cursor)
  const type = typeOfName.get(text)
  if (type !== undefined) return type
  reject(
    cursor.source,
    at,
    `the dtype of ${tensor} must be one of ${[...typeOfName.keys()].join(', ')}`,
    JSON.stringify(text),
    'Convert the tensor to F32 before saving it',
  )
}

/** Ranges must cover the data exactly once: holes hide data, overlaps make a small file huge. */
function requireTiling(source: ByteSource, dataStart: number, entries: readonly Entry[]): void {
  const ordered = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let covered = dataStart
  for (const { name, at, begin, end } of ordered) {
    if (begin !== covered) {
      const tensor = `tensor ${JSON.stringify(name)}`
      const fault = begin < covered ? 'overlap another tensor' : 'leave a hole before it'
      const found = `an offset of ${begin - dataStart} instead of ${covered - dataStart}`
      reject(source, at, `${tensor} must not ${fault}`, found)
    }
    covered = end
  }
  if (covered === source.bytes.length) return
  const rest = source.bytes.length - covered
  reject(source, covered, 'every byte after the header must belong to a tensor', `${rest} bytes that do not`)
}

/** JSON text of a value. */
function quote(text: string): string {
  if (!/\p{Surrogate}/u.test(text)) return JSON.stringify(text)
  unwritable('names and metadata must be well-formed Unicode', JSON.stringify(text))
}

/** JSON text of a key; `__proto__` could not be read back into a plain object. */
function quoteKey(key: string): string {
  if (key === '__proto__') unwritable('a name must not be reserved', key)
  return quote(key)
}

function requireWritable(name: string, { shape }: HostArray): void {
  if (name === '__metadata__') unwritable('a name must not be reserved', name)
  if (shape.length <= maximumRank) return
  const found = `${shape.length} dimensions in ${JSON.stringify(name)}`
  unwritable(`a tensor must have at most ${maximumRank} dimensions`, found)
}

function unwritable(rule: string, found: string): never {
  throw new ArgumentError({ operation: 'formatSafetensors', rule, found })
}
