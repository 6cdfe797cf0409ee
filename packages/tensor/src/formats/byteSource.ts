/**
 * The bytes a parser reads, and the checks that stand between a length field and a read or an allocation.
 *
 * Every offset is a byte offset from the start of the file, and every rejection is a FormatError that names
 * the file, the rule, what was found and at which byte. No parser indexes past a `requireBytes`.
 */
import { FormatError } from '../errors.ts'

export interface ByteSource {
  /** The parser and the file, as messages name them: `parseNpy(weights.npy)`. */
  readonly operation: string
  readonly bytes: Uint8Array
  readonly view: DataView
}

/** NumPy's own limit (NPY_MAXDIMS of NumPy 2); deeper shapes are taken for a damaged header. */
export const maximumRank = 64

/** Wraps `bytes` (any byte offset, shared, not copied) for the parser called `operation`. */
export const byteSource = (operation: string, name: string | undefined, bytes: Uint8Array): ByteSource => ({
  operation: name === undefined ? operation : `${operation}(${name})`,
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
})

/** @throws {FormatError} always: `rule` is broken at byte `at`. */
export function reject(source: ByteSource, at: number, rule: string, found: string, remedy?: string): never {
  throw new FormatError({
    operation: source.operation,
    rule,
    found: `${found} at byte ${at}`,
    ...(remedy === undefined ? {} : { remedy }),
  })
}

/** @throws {FormatError} unless `length` bytes for `what` are present from byte `at` on. */
export function requireBytes(source: ByteSource, at: number, length: number, what: string): void {
  const available = source.bytes.length - at
  if (available >= length) return
  reject(
    source,
    at,
    `${what} takes ${length} bytes, and the file must hold them`,
    `${Math.max(0, available)} bytes`,
    'The file is truncated or its header is damaged: write or fetch it again',
  )
}

/**
 * Number of elements of `shape`; safe even where the product would overflow.
 * @throws {FormatError} if the rank exceeds 64 or the product of the non-zero extents is no safe integer
 * (so that strides stay exact for empty shapes too).
 */
export function requireSize(source: ByteSource, at: number, shape: readonly number[], what: string): number {
  if (shape.length > maximumRank) {
    reject(source, at, `${what} must have at most ${maximumRank} dimensions`, `${shape.length} dimensions`)
  }
  let product = 1
  for (const extent of shape) {
    if (extent === 0) continue
    product *= extent
    if (!Number.isSafeInteger(product)) {
      reject(source, at, `the extents of ${what} must have a product below 2^53`, `[${shape.join(',')}]`)
    }
  }
  return shape.includes(0) ? 0 : product
}

/** A byte the way messages show it: the character where there is one, else its hexadecimal value. */
export function describeByte(byte: number | undefined): string {
  if (byte === undefined) return 'the end'
  if (byte > 0x20 && byte < 0x7f) return `'${String.fromCharCode(byte)}'`
  return `0x${byte.toString(16).padStart(2, '0')}`
}

/** All of `parts`, one after the other, in one fresh array. */
export function concatenateBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let position = 0
  for (const part of parts) {
    joined.set(part, position)
    position += part.length
  }
  return joined
}
