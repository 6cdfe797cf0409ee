/**
 * Byte encodings of the WebAssembly binary format: LEB128 integers, little-endian floats, names, vectors
 * and sections.
 *
 * Source: WebAssembly Core Specification 2.0, chapter 5 "Binary Format".
 */
import { ArgumentError } from '../../errors.ts'

/**
 * Unsigned LEB128: seven bits a byte, low bits first, high bit set on all bytes but the last.
 * @throws {ArgumentError} if the value is not an integer in [0, 2³²).
 */
export function unsignedLeb(value: number): number[] {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new ArgumentError({
      operation: 'unsignedLeb',
      rule: 'needs an integer in [0, 2^32)',
      found: String(value),
    })
  }
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low | 0x80 : low)
  } while (rest > 0)
  return bytes
}

/** Signed LEB128 of any integer of up to 64 bits. */
export function signedLeb(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (;;) {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    const signBit = (low & 0x40) !== 0
    if ((rest === 0n && !signBit) || (rest === -1n && signBit)) {
      bytes.push(low)
      return bytes
    }
    bytes.push(low | 0x80)
  }
}

const scratch = new DataView(new ArrayBuffer(8))

/** The four little-endian bytes of a float32. A NaN keeps V8's canonical payload. */
export function float32Bytes(value: number): number[] {
  scratch.setFloat32(0, value, true)
  return [0, 1, 2, 3].map((i) => scratch.getUint8(i))
}

/** The eight little-endian bytes of a float64. */
export function float64Bytes(value: number): number[] {
  scratch.setFloat64(0, value, true)
  return [0, 1, 2, 3, 4, 5, 6, 7].map((i) => scratch.getUint8(i))
}

/** The four little-endian bytes of a 32-bit integer, signed or unsigned. */
export function int32Bytes(value: number): number[] {
  scratch.setInt32(0, value | 0, true)
  return [0, 1, 2, 3].map((i) => scratch.getUint8(i))
}

/** A name: its UTF-8 bytes after their count. */
export function nameBytes(name: string): number[] {
  const bytes = new TextEncoder().encode(name)
  return [...unsignedLeb(bytes.length), ...bytes]
}

/** A vector: the items after their count. */
export function vectorBytes(items: readonly (readonly number[])[]): number[] {
  const bytes = unsignedLeb(items.length)
  for (const item of items) for (const byte of item) bytes.push(byte)
  return bytes
}

/** A section: identifier, byte count, content. */
export function sectionBytes(identifier: number, content: readonly number[]): number[] {
  const bytes = [identifier, ...unsignedLeb(content.length)]
  for (const byte of content) bytes.push(byte)
  return bytes
}
