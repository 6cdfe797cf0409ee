/**
 * Hostile input for every parser: arbitrary bytes, bytes behind a valid beginning, truncated files, flipped bits
 * and length fields that lie. Whatever comes in, the outcome is a well-formed array or a FormatError: no other
 * error, no hang, and no memory beyond a small multiple of the input.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesPerElement, typedArray } from '../dtype.ts'
import { FormatError } from '../errors.ts'
import { hostArray } from '../hostArray.ts'
import type { HostArray } from '../hostArray.ts'
import { arbitraryHostArray } from '../testing/arbitraryHostArray.ts'
import { formatIdx, parseIdx } from './idx.ts'
import { formatNpy, parseNpy } from './npy.ts'
import { formatNpz, parseNpz } from './npz.ts'
import { formatSafetensors, parseSafetensors } from './safetensors.ts'

interface Format {
  readonly name: string
  readonly parse: (bytes: Uint8Array) => readonly HostArray[] | Promise<readonly HostArray[]>
  /** A valid file holding the array. */
  readonly write: (array: HostArray) => Uint8Array
  /** Bytes with which a valid file begins, so that random bytes get past the first check. */
  readonly beginning: readonly number[]
}

const ascii = (text: string): number[] => [...new TextEncoder().encode(text)]

const formats: readonly Format[] = [
  {
    name: 'npy',
    parse: (bytes) => [parseNpy(bytes)],
    write: formatNpy,
    beginning: [0x93, ...ascii('NUMPY'), 1, 0, 40, 0, ...ascii("{'descr': '<f4', 'shape': (")],
  },
  {
    name: 'safetensors',
    parse: (bytes) => Object.values(parseSafetensors(bytes).tensors),
    write: (array) => formatSafetensors({ first: array, second: array }, { step: '3' }),
    beginning: [40, 0, 0, 0, 0, 0, 0, 0, ...ascii('{"a":{"dtype":"F32","shape":[')],
  },
  {
    name: 'idx',
    parse: (bytes) => [parseIdx(bytes)],
    write: (array) => formatIdx(hostArray(typedArray('float32', array.data.length), array.shape)),
    beginning: [0, 0, 8],
  },
  {
    name: 'npz',
    parse: async (bytes) => Object.values(await parseNpz(bytes)),
    write: (array) => formatNpz({ first: array, second: array }),
    beginning: [0x50, 0x4b, 3, 4],
  },
]

/** Parses; checks what comes out. Returns whether the bytes were accepted. */
async function isAccepted(format: Format, bytes: Uint8Array): Promise<boolean> {
  const before = process.memoryUsage().arrayBuffers
  try {
    for (const { data, shape, dtype } of await format.parse(bytes)) hostArray(data, shape, dtype)
    return true
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    expect(error.message).toMatch(/ at byte \d+/)
    return false
  } finally {
    // A byte becomes at most one 32-bit word; zip members may exist twice while they are joined.
    const allocated = process.memoryUsage().arrayBuffers - before
    expect(allocated).toBeLessThan(16 * bytes.length + 2 ** 20)
  }
}

describe.each(formats)('the $name parser', (format) => {
  it('survives arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (tail, begun) => {
        await isAccepted(format, begun ? Uint8Array.from([...format.beginning, ...tail]) : tail)
      }),
      { numRuns: 400 },
    )
  })

  it('survives arbitrary header text', async () => {
    const pieces = [
      ...['{', '}', '(', ')', '[', ']', ',', ':', '"', "'", '\\', ' ', '0', '1', '-', '9'.repeat(20), 'True'],
      ...[
        '"dtype":"F32"',
        '"shape":',
        '"data_offsets":',
        "'descr':'<f4'",
        "'shape':",
        "'fortran_order':True",
      ],
    ]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), async (parts) => {
        const text = ascii(`{${parts.join('')}`)
        const length =
          format.name === 'npy' ? [1, 0, text.length & 255, text.length >> 8] : [0, 0, 0, 0, 0, 0]
        const start =
          format.name === 'npy' ? [0x93, ...ascii('NUMPY')] : [text.length & 255, text.length >> 8]
        await isAccepted(format, Uint8Array.from([...start, ...length, ...text, 0, 0, 0, 0]))
      }),
      { numRuns: 400 },
    )
  })

  it('refuses every truncation of a valid file', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryHostArray(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (array, part) => {
          const file = format.write(array)
          expect(await isAccepted(format, file)).toBe(true)
          const length = Math.min(file.length - 1, Math.floor(part * file.length))
          expect(await isAccepted(format, file.subarray(0, length))).toBe(false)
        },
      ),
    )
  })

  it('refuses every appended byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryHostArray(),
        fc.uint8Array({ minLength: 1, maxLength: 9 }),
        async (array, tail) => {
          expect(await isAccepted(format, Uint8Array.from([...format.write(array), ...tail]))).toBe(false)
        },
      ),
    )
  })

  it('survives flipped bits', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryHostArray(),
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        async (array, bits) => {
          const file = format.write(array)
          for (const bit of bits) file[(bit >> 3) % file.length] ^= 1 << (bit & 7)
          await isAccepted(format, file)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('survives every single field of its first 64 bytes and last 64 bytes set to its extreme', async () => {
    const file = format.write(hostArray(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]))
    const starts = Array.from({ length: 64 }, (_, i) => [i, file.length - 1 - i]).flat()
    for (const start of starts.filter((at) => at >= 0 && at < file.length)) {
      for (const width of [1, 2, 4, 8]) {
        for (const value of [0x00, 0x7f, 0xff]) {
          await isAccepted(format, Uint8Array.from(file).fill(value, start, start + width))
        }
      }
    }
  })
})

describe('lying headers', () => {
  it('of gigabytes allocate nothing', async () => {
    const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (1073741824,)}`
    const npy = Uint8Array.from([0x93, ...ascii('NUMPY'), 1, 0, header.length, 0, ...ascii(header)])
    const entry = '{"a":{"dtype":"U8","shape":[1073741824],"data_offsets":[0,1073741824]}}'
    const safetensors = Uint8Array.from([entry.length, 0, 0, 0, 0, 0, 0, 0, ...ascii(entry)])
    const idx = Uint8Array.from([0, 0, 8, 1, 0x40, 0, 0, 0])
    const [npyFormat, safetensorsFormat, idxFormat] = formats
    expect(await isAccepted(npyFormat, npy)).toBe(false)
    expect(await isAccepted(safetensorsFormat, safetensors)).toBe(false)
    expect(await isAccepted(idxFormat, idx)).toBe(false)
  })

  it('would be noticed: the measure used here sees an allocation of a gigabyte', () => {
    const before = process.memoryUsage().arrayBuffers
    const array = typedArray('float32', 2 ** 28)
    expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThanOrEqual(
      array.length * bytesPerElement.float32,
    )
  })

  it('of long lists and deep nesting end at the first excess', () => {
    const deep = `{"a":${'['.repeat(1_000_000)}`
    const long = `{"a":{"shape":[${'1,'.repeat(1_000_000)}`
    for (const text of [deep, long]) {
      const file = new Uint8Array(8 + text.length)
      new DataView(file.buffer).setUint32(0, text.length, true)
      file.set(new TextEncoder().encode(text), 8)
      expect(() => parseSafetensors(file)).toThrow(FormatError)
    }
  })

  it('of twenty thousand tensors are read in time', () => {
    const tensors: Record<string, HostArray> = {}
    for (let i = 0; i < 20_000; i++) tensors[`t${i}`] = hostArray(new Float32Array(0), [0])
    expect(Object.keys(parseSafetensors(formatSafetensors(tensors)).tensors)).toHaveLength(20_000)
  })
})
