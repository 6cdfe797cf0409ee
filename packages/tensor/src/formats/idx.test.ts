/**
 * The golden bytes are written out by hand from the format's description, type by type. Python's
 * `struct.pack('>...')` gives the same elements: e.g. struct.pack('>f', 1.5).hex() = '3fc00000'.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError, FormatError } from '../errors.ts'
import { hostArray } from '../hostArray.ts'
import { arbitraryHostArray, exactParts } from '../testing/arbitraryHostArray.ts'
import { formatIdx, parseIdx } from './idx.ts'

const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (pair) => parseInt(pair, 16))

const golden = [
  [
    'uint8',
    '0000 08 02 00000002 00000003 00 01 7f 80 fe ff',
    hostArray(new Int32Array([0, 1, 127, 128, 254, 255]), [2, 3]),
  ],
  ['int8', '0000 09 01 00000003 7f 80 ff', hostArray(new Int32Array([127, -128, -1]), [3])],
  ['int16', '0000 0b 01 00000002 7fff 8000', hostArray(new Int32Array([32767, -32768]), [2])],
  ['int32', '0000 0c 01 00000002 01020304 ffffffff', hostArray(new Int32Array([0x01020304, -1]), [2])],
  ['float32', '0000 0d 01 00000002 3fc00000 80000000', hostArray(new Float32Array([1.5, -0]), [2])],
  ['float64', '0000 0e 01 00000001 3fb999999999999a', hostArray(new Float64Array([0.1]), [1])],
  ['int32', '0000 0c 00 0000002a', hostArray(new Int32Array([42]), [])],
  ['float32', '0000 0d 02 00000000 00000005', hostArray(new Float32Array(0), [0, 5])],
] as const

describe('parseIdx and formatIdx', () => {
  it.each(golden)('read and write the bytes of the description: %s %s', (type, hex, array) => {
    expect(exactParts(parseIdx(fromHex(hex)))).toEqual(exactParts(array))
    expect(formatIdx(array, type)).toEqual(fromHex(hex))
  })

  it('round trip every float and int32 array exactly, from bytes at any offset', () => {
    const arrays = arbitraryHostArray(['float32', 'float64', 'int32'])
    fc.assert(
      fc.property(arrays, fc.integer({ min: 0, max: 9 }), (array, offset) => {
        const file = formatIdx(array)
        const shifted = new Uint8Array(file.length + offset)
        shifted.set(file, offset)
        expect(exactParts(parseIdx(shifted.subarray(offset)))).toEqual(exactParts(array))
      }),
    )
  })
})

describe('formatIdx', () => {
  it('writes booleans as bytes and small unsigned integers as int32', () => {
    const mask = hostArray(new Uint32Array([1, 0]), [2], 'bool')
    expect([...formatIdx(mask)]).toEqual([0, 0, 8, 1, 0, 0, 0, 2, 1, 0])
    expect([...parseIdx(formatIdx(hostArray(new Uint32Array([7]), [1]))).data]).toEqual([7])
  })

  it.each([
    ['uint8', hostArray(new Int32Array([0, 256]), [2]), /256 in element 1/],
    ['int8', hostArray(new Int32Array([128]), [1]), /128 in element 0/],
    ['uint8', hostArray(new Float32Array([-0]), [1]), /exactly representable as uint8/],
    ['int16', hostArray(new Float32Array([0.5]), [1]), /0\.5/],
    ['float32', hostArray(new Float64Array([0.1]), [1]), /wider type/],
    ['int32', hostArray(new Uint32Array([2 ** 31]), [1]), /2147483648/],
  ] as const)('refuses a value that %s cannot hold', (type, array, message) => {
    expect(() => formatIdx(array, type)).toThrow(ArgumentError)
    expect(() => formatIdx(array, type)).toThrow(message)
  })

  it('refuses what the header cannot say', () => {
    expect(() => formatIdx(hostArray(new Int32Array(0), [0, 2 ** 32]))).toThrow(ArgumentError)
    expect(() => formatIdx(hostArray(new Int32Array(1), new Array<number>(65).fill(1)))).toThrow(
      ArgumentError,
    )
  })
})

describe('parseIdx refuses', () => {
  it.each([
    ['an empty file', '', /magic number takes 4 bytes.*found 0 bytes at byte 0/],
    ['a compressed file', '1f8b 08 00', /two zero bytes; found 0x1f8b at byte 0\. .*gunzip/],
    ['an unknown type', '0000 0a 01 00000000', /0x08 uint8.*found 0x0a at byte 2/],
    ['a rank beyond 64', '0000 08 41', /at most 64; found 65 at byte 3/],
    ['missing extents', '0000 08 03 00000001', /3 extents takes 12 bytes.*found 4 bytes at byte 4/],
    ['missing elements', '0000 0c 01 00000002 00000000', /shape \[2\] and type int32 takes 8 bytes/],
    ['16 GiB that are not there', '0000 0c 01 ffffffff', /takes 17179869180 bytes/],
    ['an overflowing product', '0000 08 03 ffffffff ffffffff ffffffff', /product below 2\^53/],
    ['an overflow behind a zero', '0000 08 04 00000000 ffffffff ffffffff ffffffff', /product below 2\^53/],
    ['bytes after the elements', '0000 08 01 00000001 05 06', /must end after.*1 more bytes at byte 9/],
  ])('%s', (_, hex, message) => {
    expect(() => parseIdx(fromHex(hex), 'images')).toThrow(FormatError)
    expect(() => parseIdx(fromHex(hex), 'images')).toThrow(message)
    expect(() => parseIdx(fromHex(hex), 'images')).toThrow(/^parseIdx\(images\): /)
  })
})
