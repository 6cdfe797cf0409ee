/**
 * Writes the zip container of `.npz` files: members stored without compression, dated 1980-01-01 (the zip
 * epoch) so that equal members give equal bytes.
 *
 * Source: PKWARE APPNOTE.TXT 6.3, sections 4.3.7 (local header), 4.3.12 (central header), 4.3.16 (end record).
 * Restricted to what the fields without zip64 can say: 65,535 members and 4 GiB in all.
 */
import { ArgumentError } from '../errors.ts'
import { concatenateBytes } from './byteSource.ts'
import { crc32 } from './crc32.ts'
import type { ZipMember } from './zip.ts'

/** 1980-01-01 in MS-DOS format: year 0 from 1980, month 1, day 1. */
const epochDate = 0x21
const utf8Name = 0x0800
const endRecordLength = 22
/** All ones in a 32-bit field announce zip64. */
const maximumLength = 0xffffffff

/**
 * An archive of `members` in the order given.
 * @throws {ArgumentError} if there are more than 65,535 members or they take 4 GiB or more.
 */
export function formatZip(members: readonly ZipMember[]): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let position = 0
  for (const { name, bytes } of members) {
    const encodedName = new TextEncoder().encode(name)
    const local = new Uint8Array(30 + encodedName.length)
    const central = new Uint8Array(46 + encodedName.length)
    const crc = crc32(bytes)
    for (const [record, start] of [
      [local, 4],
      [central, 6],
    ] as const) {
      const view = new DataView(record.buffer, start)
      view.setUint16(0, 20, true)
      view.setUint16(2, utf8Name, true)
      view.setUint16(8, epochDate, true)
      view.setUint32(10, crc, true)
      view.setUint32(14, bytes.length, true)
      view.setUint32(18, bytes.length, true)
      view.setUint16(22, encodedName.length, true)
      record.set(encodedName, record.length - encodedName.length)
    }
    local.set([0x50, 0x4b, 3, 4])
    central.set([0x50, 0x4b, 1, 2, 20])
    new DataView(central.buffer).setUint32(42, position, true)
    parts.push(local, bytes)
    directory.push(central)
    position += local.length + bytes.length
  }
  const directoryLength = directory.reduce((sum, { length }) => sum + length, 0)
  if (members.length > 0xffff || position + directoryLength >= maximumLength) {
    throw new ArgumentError({
      operation: 'formatZip',
      rule: 'an archive must have at most 65535 members and stay below 4 GiB',
      found: `${members.length} members of ${position} bytes`,
      remedy: 'Write a safetensors file, which has no such limit',
    })
  }
  const end = new Uint8Array(endRecordLength)
  const view = new DataView(end.buffer)
  end.set([0x50, 0x4b, 5, 6])
  view.setUint16(8, members.length, true)
  view.setUint16(10, members.length, true)
  view.setUint32(12, directoryLength, true)
  view.setUint32(16, position, true)
  return concatenateBytes([...parts, ...directory, end])
}
