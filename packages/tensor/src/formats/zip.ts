/**
 * The zip container of `.npz` files: members stored or deflated, one after the other, then the directory.
 *
 *   (local header  name  extra  data  [descriptor])…  (central header  name  extra)…  end record
 *
 * Source: PKWARE APPNOTE.TXT 6.3. Differs by being strict: the central directory is the only truth, members
 * follow each other from byte 0 without hole or overlap, and encrypted, multi-disk, commented and zip64
 * archives (members or directory beyond 4 GiB) are refused. Each member's CRC-32 is checked. Writing stores members without compression.
 */
import { FormatError } from '../errors.ts'
import { byteSource, concatenateBytes, reject, requireBytes } from './byteSource.ts'
import type { ByteSource } from './byteSource.ts'
import { crc32 } from './crc32.ts'

export interface ZipMember {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What the central directory says about a member. */
interface Entry {
  readonly name: string
  /** Byte offset of the local header. */
  readonly at: number
  readonly compressedSize: number
  readonly size: number
  readonly crc: number
  readonly deflated: boolean
  /** Whether a descriptor follows the data. */
  readonly described: boolean
}

/** An entry found at its place: byte offsets of its data and of what follows the member. */
interface Member extends Entry {
  readonly dataStart: number
  readonly end: number
}

const endRecordLength = 22
/** Deflate turns at most 258 bytes into 2 bits, so no honest member grows by more than this. */
const maximumExpansion = 1032
/** Bit 3: sizes follow the data in a descriptor. Bits 1 and 2: deflate level. Bit 11: UTF-8 name. */
const allowedFlags = 0x080e

/**
 * All members of an archive, in directory order, decompressed.
 *
 * @param operation how messages name the parser; `name` names the file.
 * @param maximumBytes the most bytes that all members together may decompress to.
 * @throws {FormatError} if the archive breaks a rule of the file comment, a member is not what its header
 * says, or the limit is exceeded.
 */
export async function readZip(
  operation: string,
  bytes: Uint8Array,
  name: string | undefined,
  maximumBytes: number,
): Promise<ZipMember[]> {
  const source = byteSource(operation, name, bytes)
  const directory = readDirectory(source)
  const total = directory.reduce((sum, { size }) => sum + size, 0)
  if (total > maximumBytes) {
    reject(
      source,
      0,
      `the members must take at most ${maximumBytes} bytes`,
      `${total} bytes`,
      'Raise the limit',
    )
  }
  const members: ZipMember[] = []
  for (const member of directory)
    members.push({ name: member.name, bytes: await memberBytes(source, member) })
  return members
}

function readDirectory(source: ByteSource): Member[] {
  const { view, bytes } = source
  requireBytes(source, 0, endRecordLength, 'the end record of a zip archive')
  const end = bytes.length - endRecordLength
  requireSignature(source, end, 0x06054b50, 'the end record (without a comment)')
  const count = view.getUint16(end + 10, true)
  const length = view.getUint32(end + 12, true)
  const start = view.getUint32(end + 16, true)
  if (view.getUint16(end + 20, true) !== 0)
    reject(source, end + 20, 'the archive must have no comment', 'one')
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) {
    reject(source, end + 4, 'the archive must be a single disk', 'several')
  }
  if (start + length !== end) {
    reject(source, end + 12, `the directory must end at byte ${end}`, `${length} bytes from ${start} on`)
  }
  const members: Member[] = []
  const names = new Set<string>()
  let position = start
  let free = 0
  for (let i = 0; i < count; i++) {
    const entry = readCentralHeader(source, position, end)
    if (names.has(entry.name)) {
      reject(source, position, 'a name must stand only once in an archive', JSON.stringify(entry.name))
    }
    names.add(entry.name)
    const member = locateMember(source, entry, free, start)
    members.push(member)
    free = member.end
    position = entry.next
  }
  if (position !== end || free !== start) {
    reject(source, free, 'members and directory must follow each other without a hole', 'bytes of neither')
  }
  return members
}

interface CentralEntry extends Entry {
  /** Byte offset of the next central header. */
  readonly next: number
}

function readCentralHeader(source: ByteSource, at: number, end: number): CentralEntry {
  const { view } = source
  if (at + 46 > end) reject(source, at, 'the directory must hold as many entries as it says', 'its end')
  requireSignature(source, at, 0x02014b50, 'a directory entry')
  const nameLength = view.getUint16(at + 28, true)
  const next = at + 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  if (next > end) reject(source, at + 28, 'a directory entry must lie within the directory', 'a longer one')
  const flags = view.getUint16(at + 8, true)
  const method = view.getUint16(at + 10, true)
  if ((flags & ~allowedFlags) !== 0) {
    reject(source, at + 8, 'a member must not be encrypted or patched', `flags 0x${flags.toString(16)}`)
  }
  if (method !== 0 && method !== 8) {
    reject(source, at + 10, 'a member must be stored (0) or deflated (8)', `method ${method}`)
  }
  const compressedSize = view.getUint32(at + 20, true)
  const size = view.getUint32(at + 24, true)
  const localAt = view.getUint32(at + 42, true)
  if ([compressedSize, size, localAt].includes(0xffffffff)) {
    reject(source, at + 20, 'a member must be smaller than 4 GiB', 'a zip64 entry')
  }
  return {
    name: memberName(source, at + 46, nameLength, (flags & 0x0800) !== 0),
    at: localAt,
    compressedSize,
    size,
    crc: view.getUint32(at + 16, true),
    deflated: method === 8,
    described: (flags & 8) !== 0,
    next,
  }
}

function memberName(source: ByteSource, at: number, length: number, unicode: boolean): string {
  const bytes = source.bytes.subarray(at, at + length)
  if (!unicode && bytes.some((byte) => byte > 0x7f)) {
    reject(source, at, 'a name that is not ASCII must be marked as UTF-8', 'an unmarked one')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    reject(source, at, 'a member name must be UTF-8', 'bytes that are not')
  }
}

/**
 * Checks the local header against the directory's entry, and that the member begins at byte `free`, where
 * the one before it ended. Returns where its data lie. The local sizes may be absent (zero, or all ones where
 * the writer reserved zip64 fields, as NumPy does), but must not contradict the directory.
 */
function locateMember(source: ByteSource, entry: Entry, free: number, limit: number): Member {
  const { view } = source
  const { at, name, compressedSize, size } = entry
  const member = `member ${JSON.stringify(name)}`
  if (at !== free) reject(source, at, `${member} must begin where the one before it ends, at ${free}`, 'it')
  if (at + 30 > limit) reject(source, at, `${member} must begin before the directory`, 'its local header')
  requireSignature(source, at, 0x04034b50, `the local header of ${member}`)
  const nameLength = view.getUint16(at + 26, true)
  const dataStart = at + 30 + nameLength + view.getUint16(at + 28, true)
  const dataEnd = dataStart + compressedSize
  if (dataEnd > limit) {
    reject(source, at, `${member} must end before the directory at byte ${limit}`, `an end at ${dataEnd}`)
  }
  const flags = view.getUint16(at + 6, true)
  const localName = memberName(source, at + 30, nameLength, (flags & 0x0800) !== 0)
  const agrees = (field: number, value: number): boolean =>
    [value, 0xffffffff, ...(entry.described ? [0] : [])].includes(view.getUint32(at + field, true))
  const consistent =
    localName === name &&
    view.getUint16(at + 8, true) === (entry.deflated ? 8 : 0) &&
    ((flags & 8) !== 0) === entry.described &&
    agrees(18, compressedSize) &&
    agrees(22, size)
  if (!consistent) reject(source, at, `${member} must be the same in its local header`, 'another member')
  if (entry.deflated ? size > compressedSize * maximumExpansion : size !== compressedSize) {
    const rule = `${member} of ${compressedSize} bytes cannot hold what its entry says`
    reject(source, at, rule, `${size} bytes decompressed`)
  }
  return { ...entry, dataStart, end: dataEnd + descriptorLength(source, entry, dataEnd, limit) }
}

/** Bytes of the descriptor after the data: CRC and two sizes, 4 or (zip64) 8 bytes each, maybe signed. */
function descriptorLength(source: ByteSource, entry: Entry, at: number, limit: number): number {
  if (!entry.described) return 0
  const { view } = source
  for (const length of [16, 24, 12, 20]) {
    if (at + length > limit) continue
    const wide = length >= 20
    const start = length % 8 === 0 ? at + 4 : at
    const signed = start === at || view.getUint32(at, true) === 0x08074b50
    const sizes = wide
      ? [view.getBigUint64(start + 4, true), view.getBigUint64(start + 12, true)]
      : [view.getUint32(start + 4, true), view.getUint32(start + 8, true)]
    const matches = Number(sizes[0]) === entry.compressedSize && Number(sizes[1]) === entry.size
    if (signed && matches && view.getUint32(start, true) === entry.crc) return length
  }
  reject(source, at, `member ${JSON.stringify(entry.name)} must be followed by its descriptor`, 'none')
}

async function memberBytes(source: ByteSource, member: Member): Promise<Uint8Array> {
  const compressed = source.bytes.subarray(member.dataStart, member.dataStart + member.compressedSize)
  const bytes = member.deflated ? await inflate(source, member, compressed) : compressed
  const crc = crc32(bytes)
  if (crc !== member.crc) {
    const rule = `member ${JSON.stringify(member.name)} must have the CRC-32 0x${member.crc.toString(16)}`
    reject(source, member.dataStart, rule, `0x${crc.toString(16)}`, 'The archive is damaged: fetch it again')
  }
  return bytes
}

/** Decompresses chunk by chunk and stops at the stated size, so that a lying entry cannot make it grow. */
async function inflate(source: ByteSource, member: Member, compressed: Uint8Array): Promise<Uint8Array> {
  const what = `member ${JSON.stringify(member.name)}`
  const input = new Blob([new Uint8Array(compressed)])
  const reader = input.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      length += value.length
      if (length > member.size) break
      chunks.push(value)
    }
  } catch (cause) {
    throw new FormatError({
      operation: source.operation,
      rule: `${what} must be a deflate stream`,
      found: `a damaged one at byte ${member.dataStart}`,
      remedy: 'The archive is damaged: fetch it again',
      cause,
    })
  }
  if (length !== member.size) {
    await reader.cancel()
    const found = length > member.size ? 'more' : `${length} bytes`
    reject(source, member.dataStart, `${what} must decompress to ${member.size} bytes`, found)
  }
  return concatenateBytes(chunks)
}

function requireSignature(source: ByteSource, at: number, signature: number, what: string): void {
  requireBytes(source, at, 4, what)
  const found = source.view.getUint32(at, true)
  if (found === signature) return
  const hexadecimal = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`
  reject(source, at, `${what} must begin with ${hexadecimal(signature)}`, hexadecimal(found))
}
