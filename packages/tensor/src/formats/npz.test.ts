/**
 * Golden archives are NumPy 2.4's and Python's own, in base64. Damaged ones are made by overwriting a field of an
 * intact archive, found by the layout of PKWARE's APPNOTE.TXT.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError, FormatError } from '../errors.ts'
import { hostArray } from '../hostArray.ts'
import { arbitraryHostArray, exactParts } from '../testing/arbitraryHostArray.ts'
import { crc32 } from './crc32.ts'
import { formatNpz, parseNpz } from './npz.ts'
import { formatZip } from './zipWriter.ts'

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

// np.savez(f, w=np.array([1,2],'<f4'), n=np.array(3,'<i4'))
const stored =
  'UEsDBC0AAAAAAAAAIQCayqvn//////////8FABQAdy5ucHkBABAAiAAAAAAAAACIAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAACAPwAAAEBQSwMELQAAAAAAAAAhAFu60zv//////////wUAFABuLm5weQEAEACEAAAAAAAAAIQAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoDAAAAUEsBAi0DLQAAAAAAAAAhAJrKq+eIAAAAiAAAAAUAAAAAAAAAAAAAAIABAAAAAHcubnB5UEsBAi0DLQAAAAAAAAAhAFu60zuEAAAAhAAAAAUAAAAAAAAAAAAAAIABvwAAAG4ubnB5UEsFBgAAAAACAAIAZgAAAHoBAAAAAA=='
// np.savez_compressed(f, w=np.zeros((50,2),'<f4'), n=np.arange(5,dtype='<i8'))
const deflated =
  'UEsDBC0AAAAIAAAAIQCAkA37//////////8FABQAdy5ucHkBABAAEAIAAAAAAABMAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GqYGOgpGmjoKtQrkAi6GUTCoAABQSwMELQAAAAgAAAAhAMt3nan//////////wUAFABuLm5weQEAEACoAAAAAAAAAFEAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkapjqaOgq1ChQALgYoYITSTFCaGUqzQGkAUEsBAi0DLQAAAAgAAAAhAICQDftMAAAAEAIAAAUAAAAAAAAAAAAAAIABAAAAAHcubnB5UEsBAi0DLQAAAAgAAAAhAMt3nalRAAAAqAAAAAUAAAAAAAAAAAAAAIABgwAAAG4ubnB5UEsFBgAAAAACAAIAZgAAAAsBAAAAAA=='
// np.save(np.arange(3,dtype='<i4')) as member a.npy of a zipfile.ZipFile over a stream that cannot seek: the
// sizes stand in a descriptor after the data.
const streamed =
  'UEsDBBQACAAAAAAAIQAAAAAAAAAAAAAAAAAFAAAAYS5ucHmTTlVNUFkBAHYAeydkZXNjcic6ICc8aTQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgAAAAABAAAAAgAAAFBLBwgC7L2pjAAAAIwAAABQSwECFAMUAAgAAAAAACEAAuy9qYwAAACMAAAABQAAAAAAAAAAAAAAgAEAAAAAYS5ucHlQSwUGAAAAAAEAAQAzAAAAvwAAAAAA'

describe('parseNpz', () => {
  it('reads np.savez', async () => {
    const { w, n } = await parseNpz(fromBase64(stored))
    expect(exactParts(w)).toEqual(exactParts(hostArray(new Float32Array([1, 2]), [2])))
    expect(exactParts(n)).toEqual(exactParts(hostArray(new Int32Array([3]), [])))
  })

  it('reads np.savez_compressed', async () => {
    const { w, n } = await parseNpz(fromBase64(deflated))
    expect(exactParts(w)).toEqual(exactParts(hostArray(new Float32Array(100), [50, 2])))
    expect(exactParts(n)).toEqual(exactParts(hostArray(new Int32Array([0, 1, 2, 3, 4]), [5])))
  })

  it('reads an archive that was written to a stream', async () => {
    const { a } = await parseNpz(fromBase64(streamed))
    expect([...a.data]).toEqual([0, 1, 2])
  })

  /** `bytes` with a little-endian field of `width` bytes replaced. */
  function patched(bytes: Uint8Array, at: number, value: number, width: 2 | 4 = 2): Uint8Array {
    const copy = bytes.slice()
    const view = new DataView(copy.buffer)
    if (width === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    return copy
  }
  const savez = fromBase64(stored)
  const compressed = fromBase64(deflated)
  /** Where the directory of np.savez's archive begins, and its end record. */
  const directory = 0x17a
  const end = savez.length - 22
  const compressedDirectory = 0x10b
  const npyOf = (value: number): Uint8Array => formatNpz({ a: hostArray(new Int32Array([value]), []) })

  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['an empty file', new Uint8Array(0), /end record.*22 bytes/],
    ['a truncated archive', savez.subarray(0, -1), /end record/],
    ['bytes after the archive', Uint8Array.from([...savez, 0]), /end record/],
    ['bytes before the archive', Uint8Array.from([0, ...savez]), /directory must end at/],
    ['a comment', patched(savez, end + 20, 1), /no comment/],
    ['several disks', patched(savez, end + 4, 1), /single disk/],
    [
      'more entries than the directory holds',
      patched(patched(savez, end + 10, 3), end + 8, 3),
      /as many entries/,
    ],
    [
      'fewer entries than the directory holds',
      patched(patched(savez, end + 10, 1), end + 8, 1),
      /without a hole/,
    ],
    ['a directory elsewhere', patched(savez, end + 16, 0, 4), /directory must end at/],
    ['an encrypted member', patched(savez, directory + 8, 1), /encrypted/],
    ['an unknown method', patched(savez, directory + 10, 12), /method 12/],
    ['a zip64 entry', patched(savez, directory + 24, 0xffffffff, 4), /zip64/],
    ['a name longer than the directory', patched(savez, directory + 28, 0xffff), /within the directory/],
    ['a member that begins elsewhere', patched(savez, directory + 42, 1, 4), /must begin where/],
    [
      'a member longer than the archive',
      patched(savez, directory + 20, 0xffff, 4),
      /end before the directory/,
    ],
    ['a local name that differs', patched(savez, 30, 0x2e78), /same in its local header/],
    ['a stored size that differs', patched(savez, directory + 24, 1, 4), /same|cannot hold/],
    ['a damaged element', patched(savez, directory - 4, 4), /CRC-32/],
    ['a damaged deflate stream', patched(compressed, 62, 0xffff), /deflate|CRC|decompress/],
    [
      'a stream longer than stated',
      patched(compressed, compressedDirectory + 24, 527, 4),
      /to 527 bytes; found more/,
    ],
    [
      'a stream shorter than stated',
      patched(compressed, compressedDirectory + 24, 529, 4),
      /to 529 bytes; found 528/,
    ],
    ['an impossible expansion', patched(compressed, compressedDirectory + 24, 0x7fffffff, 4), /cannot hold/],
    ['a descriptor that is missing', patched(fromBase64(streamed), 0xb3, 1, 4), /descriptor/],
    ['a member that is no .npy file', formatZip([{ name: 'a.txt', bytes: new Uint8Array(1) }]), /"a\.txt"/],
    ['a member called __proto__', formatZip([{ name: '__proto__.npy', bytes: npyOf(1) }]), /harmless/],
    ['a name twice', formatZip(['a.npy', 'a.npy'].map((name) => ({ name, bytes: npyOf(1) }))), /only once/],
    [
      'a .npy member that is none',
      formatZip([{ name: 'a.npy', bytes: new Uint8Array(3) }]),
      /w\.npz\/a\.npy/,
    ],
    ['a name that is no UTF-8', patched(npyOf(1), 30, 0xffff), /same|UTF-8/],
  ]
  it.each(cases)('refuses %s', async (_, bytes, message) => {
    const reading = parseNpz(bytes, { name: 'w.npz' })
    await expect(reading).rejects.toThrow(FormatError)
    await expect(reading).rejects.toThrow(message)
  })

  it('refuses an archive whose members exceed the limit, before decompressing', async () => {
    const total = 528 + 168
    await expect(parseNpz(compressed, { maximumBytes: total })).resolves.toBeDefined()
    await expect(parseNpz(compressed, { maximumBytes: total - 1 })).rejects.toThrow(/at most 695 bytes/)
  })
})

describe('formatNpz', () => {
  it('round trips names and arrays exactly', async () => {
    const names = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((name) => name !== '__proto__')
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(names, arbitraryHostArray(), { noNullPrototype: true }),
        async (arrays) => {
          const read = await parseNpz(formatNpz(arrays))
          expect(Object.keys(read).sort()).toEqual(Object.keys(arrays).sort())
          for (const [name, array] of Object.entries(arrays))
            expect(exactParts(read[name])).toEqual(exactParts(array))
        },
      ),
    )
  })

  it('refuses names that no reader could hold', () => {
    const array = hostArray(new Float32Array(1), [1])
    expect(() => formatNpz({ ['__proto__']: array })).toThrow(ArgumentError)
    expect(() => formatNpz({ '\ud800': array })).toThrow(ArgumentError)
  })
})

describe('formatZip and crc32', () => {
  it('gives the check value of the CRC catalogue for the digits 1 to 9', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
    expect(crc32(new Uint8Array(0))).toBe(0)
  })

  it('refuses more members than the end record can count', () => {
    const members = Array.from({ length: 65_536 }, (_, i) => ({ name: String(i), bytes: new Uint8Array(0) }))
    expect(() => formatZip(members)).toThrow(ArgumentError)
  })
})
