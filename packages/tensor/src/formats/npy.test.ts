/**
 * Golden files are NumPy 2.4's own, in base64; each line names the call that made it. `save(a)` is
 * `np.save(f, a)`; `write(a, v)` is `np.lib.format.write_array(f, a, version=v)`.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError, ShapeError } from '../errors.ts'
import { hostArray } from '../hostArray.ts'
import { arbitraryHostArray, exactParts } from '../testing/arbitraryHostArray.ts'
import { formatNpy, parseNpy } from './npy.ts'

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

const golden = {
  // save(np.array([[1.5,-2,3],[np.inf,0,-0.0]],'<f4'))
  float32:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAMA/AAAAwAAAQEAAAIB/AAAAAAAAAIA=',
  // save(np.array([0.1,-1e300],'<f8'))
  float64:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqamZmZmZm5P5x1AIg85Df+',
  // save(np.array([True,False,True]))
  bool: 'k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAE=',
  // save(np.array(42,'<u4'))
  scalar:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPHU0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoqAAAA',
  // save(np.zeros((0,3),'<i4'))
  empty:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=',
  // save(np.asfortranarray(np.arange(6,dtype='>f8').reshape(2,3)))
  bigEndianFortran:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPmY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAEAIAAAAAAAAP/AAAAAAAABAEAAAAAAAAEAAAAAAAAAAQBQAAAAAAAA=',
  // save(np.asfortranarray(np.arange(24,dtype='<i4').reshape(2,3,4)))
  fortran3d:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAADAAAAAQAAAAQAAAACAAAABQAAAABAAAADQAAAAUAAAARAAAACQAAABUAAAACAAAADgAAAAYAAAASAAAACgAAABYAAAADAAAADwAAAAcAAAATAAAACwAAABcAAAA=',
  // write(np.array([-1,2**31-1,-2**31],'<i8'), (2,0))
  int64version2:
    'k05VTVBZAgB0AAAAeydkZXNjcic6ICc8aTgnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr//////////////38AAAAAAAAAgP////8=',
  // write(np.array([1,-2.5,6e-8,65504,np.inf,np.nan],'<f2'), (3,0))
  float16version3:
    'k05VTVBZAwB0AAAAeydkZXNjcic6ICc8ZjInLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoNiwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPADBAQD/ewB8AH4=',
  // save(np.array([[0,255],[7,8]],'u1'))
  uint8:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoA/wcI',
  // save(np.array([1,65535],'>u2'))
  bigEndianUint16:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPnUyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAf//',
  // save(np.zeros(1,dtype=[('a','<f4')]))
  structured:
    'k05VTVBZAQB2AHsnZGVzY3InOiBbKCdhJywgJzxmNCcpXSwgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAA',
  // save(np.zeros(1,'<c8'))
  complex:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGM4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAA==',
}

/** A version 1.0 file with this header text, padded as written here only by what the text holds. */
function fileWith(header: string | readonly number[], elements: readonly number[] = []): Uint8Array {
  const text = typeof header === 'string' ? [...new TextEncoder().encode(header)] : header
  const length = [text.length & 255, text.length >> 8]
  return Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, ...length, ...text, ...elements])
}

const sameArrays = [
  ['float32', hostArray(new Float32Array([1.5, -2, 3, Infinity, 0, -0]), [2, 3])],
  ['float64', hostArray(new Float64Array([0.1, -1e300]), [2])],
  ['bool', hostArray(new Uint32Array([1, 0, 1]), [3], 'bool')],
  ['scalar', hostArray(new Uint32Array([42]), [])],
  ['empty', hostArray(new Int32Array(0), [0, 3])],
] as const

describe('formatNpy and parseNpy against files of NumPy', () => {
  it.each(sameArrays)('write the very bytes of NumPy and read them back: %s', (name, array) => {
    expect(formatNpy(array)).toEqual(fromBase64(golden[name]))
    expect(exactParts(parseNpy(fromBase64(golden[name])))).toEqual(exactParts(array))
  })

  it.each([
    ['bigEndianFortran', hostArray(new Float64Array([0, 1, 2, 3, 4, 5]), [2, 3])],
    [
      'fortran3d',
      hostArray(
        Int32Array.from({ length: 24 }, (_, i) => i),
        [2, 3, 4],
      ),
    ],
    ['int64version2', hostArray(new Int32Array([-1, 2 ** 31 - 1, -(2 ** 31)]), [3])],
    ['float16version3', hostArray(new Float32Array([1, -2.5, 2 ** -24, 65504, Infinity, NaN]), [6])],
    ['uint8', hostArray(new Int32Array([0, 255, 7, 8]), [2, 2])],
    ['bigEndianUint16', hostArray(new Int32Array([1, 65535]), [2])],
  ] as const)('read what we would not write: %s', (name, array) => {
    expect(exactParts(parseNpy(fromBase64(golden[name])))).toEqual(exactParts(array))
  })
})

describe('formatNpy', () => {
  it('round trips every array exactly, from bytes at any offset', () => {
    fc.assert(
      fc.property(arbitraryHostArray(), fc.integer({ min: 0, max: 9 }), (array, offset) => {
        const file = formatNpy(array)
        const shifted = new Uint8Array(file.length + offset)
        shifted.set(file, offset)
        expect(exactParts(parseNpy(shifted.subarray(offset)))).toEqual(exactParts(array))
      }),
    )
  })

  it('refuses a rank that NumPy could not read', () => {
    const deep = hostArray(new Float32Array(1), new Array<number>(65).fill(1))
    expect(() => formatNpy(deep)).toThrow(ShapeError)
    const deepest = hostArray(new Float32Array([3]), new Array<number>(64).fill(1))
    expect(exactParts(parseNpy(formatNpy(deepest)))).toEqual(exactParts(deepest))
  })
})

describe('parseNpy accepts other writers', () => {
  const one = [0, 0, 0x80, 0x3f]
  it.each([
    ['double quotes, any key order, no closing comma', `{"shape":(1,),"fortran_order":False,"descr":"<f4"}`],
    ['lengths of Python 2', `{'descr': '<f4', 'fortran_order': False, 'shape': (1L,), }`],
    ['line breaks between tokens', `{\n'descr' : '<f4',\n 'fortran_order':\tFalse, 'shape': ( 1 , ) , }\n`],
    [
      'column-major order of a matrix of one element',
      `{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}`,
    ],
  ])('%s', (_, header) => {
    expect([...parseNpy(fileWith(header, one)).data]).toEqual([1])
  })
})

describe('parseNpy refuses', () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['an empty file', new Uint8Array(0), /takes 10 bytes.*found 0 bytes at byte 0.*truncated/],
    [
      'another magic string',
      Uint8Array.from(fileWith('{}'), (b, i) => (i === 3 ? 0 : b)),
      /found 0x00 at byte 3/,
    ],
    [
      'an unknown version',
      Uint8Array.from(fileWith('{}'), (b, i) => (i === 6 ? 4 : b)),
      /found 4\.0 at byte 6/,
    ],
    ['a header longer than the file', fileWith('{}').map((b, i) => (i === 8 ? 9 : b)), /takes 9 bytes/],
    ['structured arrays', fromBase64(golden.structured), /structured arrays.*Save each field/],
    ['complex numbers', fromBase64(golden.complex), /'<c8'.*astype/],
    ['objects', fileWith(`{'descr': '|O', 'fortran_order': False, 'shape': (1,)}`), /'\|O' at byte 20/],
    ['native byte order', fileWith(`{'descr': '=f4', 'fortran_order': False, 'shape': ()}`), /'=f4'/],
    [
      'no byte order for wide elements',
      fileWith(`{'descr': '|f4', 'fortran_order': False, 'shape': ()}`),
      /'\|f4'/,
    ],
    ['a missing key', fileWith(`{'descr': '<f4', 'shape': (1,)}`), /found no fortran_order at byte/],
    ['a key twice', fileWith(`{'shape': (1,), 'shape': (2,)}`), /only once.*"shape" at byte 26/],
    ['a key of its own', fileWith(`{'descr': '<f4', 'x': 1}`), /'x' at byte/],
    ['a negative extent', fileWith(`{'shape': (-1,)}`), /must not be negative.*at byte 21/],
    ['an extent beyond 2^53', fileWith(`{'shape': (9007199254740992,)}`), /below 2\^53/],
    ['a fractional extent', fileWith(`{'shape': (1.5,)}`), /an integer here; found '\.'/],
    ['an expression', fileWith(`{'shape': (2*3,)}`), /found '\*'/],
    ['a name', fileWith(`{'fortran_order': no}`), /True or False/],
    ['a parenthesised number, which is no tuple', fileWith(`{'shape': (1)}`), /','/],
    ['a set of brackets', fileWith(`{'shape': [1]}`), /'\('/],
    ['an open string', fileWith(`{'shape`), /no closing quote at byte 11/],
    ['an escape', fileWith(`{'sh\\x61pe': ()}`), /without escapes/],
    ['bytes that are no ASCII', fileWith([0x7b, 0x27, 0xe9, 0x27]), /plain ASCII/],
    ['an open dictionary', fileWith(`{'shape': ()`), /found the end/],
    [
      'text after the dictionary',
      fileWith(`{'descr': '<f4', 'fortran_order': False, 'shape': ()} x`),
      /found 'x'/,
    ],
    ['more than 64 dimensions', fileWith(`{'shape': (${'1,'.repeat(65)})}`), /at most 64/],
  ]
  it.each(cases)('%s', (_, bytes, message) => {
    expect(() => parseNpy(bytes, 'w.npy')).toThrow(FormatError)
    expect(() => parseNpy(bytes, 'w.npy')).toThrow(message)
    expect(() => parseNpy(bytes, 'w.npy')).toThrow(/^parseNpy\(w\.npy\): /)
  })

  const header = (shape: string, descr = '<f4'): string =>
    `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}}`
  it.each([
    [
      'fewer elements than the shape says',
      fileWith(header('(2,)'), [0, 0, 0, 0]),
      /takes 8 bytes.*found 4 bytes/,
    ],
    ['bytes after the elements', fileWith(header('(1,)'), [0, 0, 0, 0, 9]), /must end after.*1 more bytes/],
    ['a product that overflows', fileWith(header('(4294967296, 4294967296)')), /product below 2\^53/],
    ['an overflow hidden behind a zero', fileWith(header('(0, 4294967296, 4294967296)')), /product below/],
    ['a terabyte that is not there', fileWith(header('(1000000000000,)')), /takes 4000000000000 bytes/],
    ['a boolean of 2', fileWith(header('(2,)', '|b1'), [1, 2]), /byte 0 or 1; found 2 at byte/],
    [
      'an int64 beyond int32',
      fileWith(header('(1,)', '<i8'), [0, 0, 0, 128, 0, 0, 0, 0]),
      /2147483648 in element 0/,
    ],
    [
      'a uint64 beyond uint32',
      fileWith(header('(1,)', '>u8'), [0, 0, 0, 1, 0, 0, 0, 0]),
      /4294967296 in element 0/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => parseNpy(bytes)).toThrow(FormatError)
    expect(() => parseNpy(bytes)).toThrow(message)
  })
})
