/**
 * The golden file is the reference implementation's own (Python package safetensors 0.8.0, `safetensors.numpy.save`),
 * in base64. Damaged files are built from a header text, so that each breaks one rule.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError, FormatError } from '../errors.ts'
import { hostArray } from '../hostArray.ts'
import type { HostArray } from '../hostArray.ts'
import { arbitraryHostArray, exactParts } from '../testing/arbitraryHostArray.ts'
import { formatSafetensors, parseSafetensors } from './safetensors.ts'

/*
 * save({'w': np.array([[1.5,-2,3],[4,5,6]],'<f4'), 'd': np.array([0.1]), 'n': np.array(-7,'<i4'),
 *       'u': np.array([4294967295],'<u4'), 'm': np.array([True,False,True]), 'e': np.zeros((0,4),'<f4'),
 *       'h': np.array([1,-2.5],'<f2'), 'l': np.array([-5,6],'<i8'), 'é"': np.array([7],'u1')}, {'k': 'v "ü"'})
 */
const golden =
  'GAIAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJrIjoidiBcIsO8XCIifSwibCI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzAsMTZdfSwiZCI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImUiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzI0LDI0XX0sInciOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzI0LDQ4XX0sInUiOnsiZHR5cGUiOiJVMzIiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls0OCw1Ml19LCJuIjp7ImR0eXBlIjoiSTMyIiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOls1Miw1Nl19LCJoIjp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNTYsNjBdfSwiw6lcIiI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNjAsNjFdfSwibSI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls2MSw2NF19fSAgIPv/////////BgAAAAAAAACamZmZmZm5PwAAwD8AAADAAABAQAAAgEAAAKBAAADAQP/////5////ADwAwQcBAAE='

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

/** A file with this header (text, or bytes as Latin-1) and `length` zero bytes of data. */
function fileWith(header: string | Uint8Array, length = 0, statedLength?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const file = new Uint8Array(8 + text.length + length)
  new DataView(file.buffer).setBigUint64(0, statedLength ?? BigInt(text.length), true)
  file.set(text, 8)
  return file
}

const entry = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`

describe('parseSafetensors', () => {
  it('reads the file of the reference implementation', () => {
    const { tensors, metadata } = parseSafetensors(fromBase64(golden))
    expect({ ...metadata }).toEqual({ k: 'v "ü"' })
    const expected: Record<string, HostArray> = {
      w: hostArray(new Float32Array([1.5, -2, 3, 4, 5, 6]), [2, 3]),
      d: hostArray(new Float64Array([0.1]), [1]),
      n: hostArray(new Int32Array([-7]), []),
      u: hostArray(new Uint32Array([4294967295]), [1]),
      m: hostArray(new Uint32Array([1, 0, 1]), [3], 'bool'),
      e: hostArray(new Float32Array(0), [0, 4]),
      h: hostArray(new Float32Array([1, -2.5]), [2]),
      l: hostArray(new Int32Array([-5, 6]), [2]),
      'é"': hostArray(new Int32Array([7]), [1]),
    }
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(expected).sort())
    for (const [name, array] of Object.entries(expected))
      expect(exactParts(tensors[name])).toEqual(exactParts(array))
  })

  it('widens BF16, I8, I16 and U16 without loss', () => {
    const types = { BF16: [0xc0, 0x3f], I8: [0xfe], I16: [0x00, 0x80], U16: [0xff, 0xff] }
    const values = Object.entries(types).map(([dtype, bytes]) => {
      const file = fileWith(`{"a":${entry(dtype, '[1]', `[0,${bytes.length}]`)}}`, bytes.length)
      file.set(bytes, file.length - bytes.length)
      return parseSafetensors(file).tensors.a.data[0]
    })
    expect(values).toEqual([1.5, -2, -32768, 65535])
  })

  it('accepts what the specification allows: any key order, blanks, escapes, misaligned and unordered data', () => {
    const file = fileWith(
      `{"b" : {"data_offsets":[1,5], "shape":[1], "dtype":"F32"},\n "\\u0061":${entry('U8', '[1]', '[0,1]')}}  `,
      5,
    )
    file.set([9, 0, 0, 0x80, 0x3f], file.length - 5)
    const { tensors } = parseSafetensors(file)
    expect(tensors.a.data[0]).toBe(9)
    expect(tensors.b.data[0]).toBe(1)
  })

  it('holds names like constructor as plain entries of records without a prototype', () => {
    const { tensors, metadata } = parseSafetensors(fileWith(`{"constructor":${entry('U8', '[0]', '[0,0]')}}`))
    expect(Object.keys(tensors)).toEqual(['constructor'])
    expect('toString' in tensors).toBe(false)
    expect('toString' in metadata).toBe(false)
  })

  const F32 = entry('F32', '[1]', '[0,4]')
  const invalidUtf8 = Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a])
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['an empty file', new Uint8Array(0), /header length takes 8 bytes.*found 0 bytes at byte 0/],
    ['a header longer than the file', fileWith('{}', 0, 3n), /the header takes 3 bytes/],
    [
      'a header length of 2^64 - 1',
      fileWith('{}', 0, 2n ** 64n - 1n),
      /at most 100000000.*18446744073709551615/,
    ],
    ['an empty header', fileWith('', 1), /an empty header at byte 8/],
    ['a header that begins with a blank', fileWith(' {}'), /must begin with '{'/],
    ['a list', fileWith('[]'), /must begin with '{'/],
    ['JSON that ends early', fileWith('{"a":'), /found the end/],
    ['a name twice', fileWith(`{"a":${F32},"a":${F32}}`, 4), /only once.*"a" at byte/],
    ['a name twice, once escaped', fileWith(`{"a":${F32},"\\u0061":${F32}}`, 4), /only once/],
    ['a key of an entry twice', fileWith(`{"a":{"dtype":"F32","dtype":"F32"}}`), /only once.*"dtype"/],
    ['the name __proto__', fileWith(`{"__proto__":${F32}}`, 4), /__proto__/],
    ['the metadata key __proto__', fileWith(`{"__metadata__":{"__proto__":"x"}}`), /__proto__/],
    ['metadata that is no string', fileWith(`{"__metadata__":{"a":1}}`), /a quoted string here; found '1'/],
    ['an unknown key of an entry', fileWith(`{"a":{"x":1}}`), /"a" must have.*"x"/],
    ['a missing dtype', fileWith(`{"a":{"shape":[],"data_offsets":[0,4]}}`, 4), /no dtype/],
    ['a missing shape', fileWith(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4), /no shape/],
    ['one data offset', fileWith(`{"a":${entry('F32', '[1]', '[4]')}}`, 4), /no pair of data_offsets/],
    ['three data offsets', fileWith(`{"a":${entry('F32', '[1]', '[0,4,4]')}}`, 4), /at most 2 numbers/],
    [
      'a type without counterpart',
      fileWith(`{"a":${entry('F8_E4M3', '[1]', '[0,1]')}}`, 1),
      /"a" must be.*"F8_E4M3"/,
    ],
    [
      'an I64 that does not fit',
      fileWith(`{"a":${entry('I64', '[1]', '[0,8]')}}`, 8).fill(0x7f, -8),
      /"a".*fit int32/,
    ],
    ['a BOOL of 7', fileWith(`{"a":${entry('BOOL', '[1]', '[0,1]')}}`, 1).fill(7, -1), /0 or 1; found 7/],
    ['a negative extent', fileWith(`{"a":${entry('F32', '[-1]', '[0,4]')}}`, 4), /must not be negative/],
    ['a fractional extent', fileWith(`{"a":${entry('F32', '[1.0]', '[0,4]')}}`, 4), /an integer/],
    ['an exponent', fileWith(`{"a":${entry('F32', '[1e2]', '[0,400]')}}`, 400), /an integer/],
    [
      'a number beyond 2^53',
      fileWith(`{"a":${entry('F32', '[9007199254740993]', '[0,4]')}}`, 4),
      /below 2\^53/,
    ],
    ['leading zeros', fileWith(`{"a":${entry('F32', '[01]', '[0,4]')}}`, 4), /must not begin with 0/],
    [
      'an overflowing product',
      fileWith(`{"a":${entry('F32', '[4294967296,4294967296]', '[0,4]')}}`, 4),
      /product/,
    ],
    ['an extent as text', fileWith(`{"a":${entry('F32', '["1"]', '[0,4]')}}`, 4), /non-negative integer/],
    [
      'more than 64 dimensions',
      fileWith(`{"a":${entry('F32', `[${'1,'.repeat(64)}1]`, '[0,4]')}}`, 4),
      /at most 64/,
    ],
    [
      'a size that is not that of the shape',
      fileWith(`{"a":${entry('F32', '[2]', '[0,4]')}}`, 4),
      /takes 8 bytes/,
    ],
    ['a range beyond the file', fileWith(`{"a":${entry('F32', '[2]', '[0,8]')}}`, 4), /within the 4 bytes/],
    [
      'a range that ends before it begins',
      fileWith(`{"a":${entry('F32', '[1]', '[4,0]')}}`, 4),
      /within the 4/,
    ],
    [
      'a hole at the start',
      fileWith(`{"a":${entry('F32', '[1]', '[4,8]')}}`, 8),
      /hole.*offset of 4 instead of 0/,
    ],
    ['a hole in the middle', fileWith(`{"a":${F32},"b":${entry('F32', '[1]', '[5,9]')}}`, 9), /"b".*a hole/],
    ['an overlap', fileWith(`{"a":${F32},"b":${entry('F32', '[1]', '[2,6]')}}`, 6), /"b".*overlap/],
    ['two names for the same bytes', fileWith(`{"a":${F32},"b":${F32}}`, 4), /overlap/],
    ['bytes after the last tensor', fileWith(`{"a":${F32}}`, 5), /belong to a tensor; found 1 bytes/],
    ['data without any tensor', fileWith('{}', 1), /belong to a tensor/],
    ['text after the header object', fileWith('{}x'), /nothing but white space/],
    ['a closing comma', fileWith(`{"a":${F32},}`, 4), /quoted string/],
    ['single quotes', fileWith(`{'a':${F32}}`, 4), /quoted string/],
    ['bytes that are no UTF-8', fileWith(invalidUtf8), /UTF-8.*at byte 9/],
    ['half a surrogate pair', fileWith(`{"\\ud800":${F32}}`, 4), /surrogate/],
    ['a control character in a name', fileWith(`{"\u0001":${F32}}`, 4), /JSON string/],
    ['an unknown escape', fileWith(`{"\\x":${F32}}`, 4), /JSON string/],
  ]
  it.each(cases)('refuses %s', (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, 'm.safetensors')).toThrow(FormatError)
    expect(() => parseSafetensors(bytes, 'm.safetensors')).toThrow(message)
    expect(() => parseSafetensors(bytes, 'm.safetensors')).toThrow(
      /^parseSafetensors\(m\.safetensors\): .* at byte \d+/,
    )
  })
})

describe('formatSafetensors', () => {
  const names = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((name) => name !== '__proto__')
  it('round trips names, metadata and every array exactly, from bytes at any offset', () => {
    fc.assert(
      fc.property(
        fc.dictionary(names, arbitraryHostArray(), { noNullPrototype: true }),
        fc.dictionary(names, fc.string({ unit: 'grapheme' }), { noNullPrototype: true }),
        fc.integer({ min: 0, max: 9 }),
        (tensors, metadata, offset) => {
          const file = formatSafetensors(tensors, metadata)
          const shifted = new Uint8Array(file.length + offset)
          shifted.set(file, offset)
          const read = parseSafetensors(shifted.subarray(offset))
          expect({ ...read.metadata }).toEqual(metadata)
          expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(tensors).sort())
          for (const [name, array] of Object.entries(tensors)) {
            expect(exactParts(read.tensors[name])).toEqual(exactParts(array))
          }
        },
      ),
    )
  })

  it('aligns every tensor to its element size, widest first', () => {
    const file = formatSafetensors({
      mask: hostArray(new Uint32Array([1]), [1], 'bool'),
      w: hostArray(new Float32Array(3), [3]),
      d: hostArray(new Float64Array(1), [1]),
    })
    const headerLength = Number(new DataView(file.buffer).getBigUint64(0, true))
    expect((8 + headerLength) % 8).toBe(0)
    const header = new TextDecoder().decode(file.subarray(8, 8 + headerLength))
    expect(JSON.parse(header)).toEqual({
      d: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
      w: { dtype: 'F32', shape: [3], data_offsets: [8, 20] },
      mask: { dtype: 'BOOL', shape: [1], data_offsets: [20, 21] },
    })
  })

  it('writes a file without tensors or metadata', () => {
    expect(Object.keys(parseSafetensors(formatSafetensors({})).tensors)).toEqual([])
  })

  it('refuses reserved names, ill-formed text and excessive ranks', () => {
    const array = hostArray(new Float32Array(1), [1])
    expect(() => formatSafetensors({ __metadata__: array })).toThrow(ArgumentError)
    expect(() => formatSafetensors({ ['__proto__']: array })).toThrow(/reserved; found __proto__/)
    expect(() => formatSafetensors({ '\ud800': array })).toThrow(/well-formed/)
    expect(() => formatSafetensors({}, { a: '\udfff' })).toThrow(/well-formed/)
    expect(() => formatSafetensors({}, { ['__proto__']: 'x' })).toThrow(ArgumentError)
    const deep = hostArray(new Float32Array(1), new Array<number>(65).fill(1))
    expect(() => formatSafetensors({ deep })).toThrow(/65 dimensions in "deep"/)
  })
})
