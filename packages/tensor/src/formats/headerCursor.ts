/**
 * Tokenizer for the text headers of `.npy` (a Python dict literal) and safetensors (JSON), over raw bytes.
 *
 * Both headers use one small grammar: dictionaries with quoted keys, quoted strings, non-negative integers,
 * short integer lists and the words for true and false. The cursor reads exactly what its caller expects
 * next, so it never recurses, never builds a tree, and its errors give byte offsets. It is stricter than
 * either language: duplicate keys, negative or fractional numbers and ill-formed UTF-8 are errors.
 */
import { describeByte, reject } from './byteSource.ts'
import type { ByteSource } from './byteSource.ts'

export type HeaderDialect = 'json' | 'python'

export interface HeaderCursor {
  readonly source: ByteSource
  readonly dialect: HeaderDialect
  /** First byte after the header. */
  readonly end: number
  /** Byte offset of the next unread byte. */
  position: number
}

/** A cursor over bytes `start` to `end` of `source`; the caller has checked that they exist. */
export const headerCursor = (
  source: ByteSource,
  start: number,
  end: number,
  dialect: HeaderDialect,
): HeaderCursor => ({ source, dialect, end, position: start })

/** The next byte that is no white space, not consumed; undefined at the end of the header. */
export function peekByte(cursor: HeaderCursor): number | undefined {
  const { bytes } = cursor.source
  while (cursor.position < cursor.end) {
    const byte = bytes[cursor.position]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
    cursor.position++
  }
  return undefined
}

/** Consumes `symbol` if it comes next. */
export function acceptSymbol(cursor: HeaderCursor, symbol: string): boolean {
  if (peekByte(cursor) !== symbol.charCodeAt(0)) return false
  cursor.position++
  return true
}

/** @throws {FormatError} unless `symbol` comes next, which is consumed. */
export function expectSymbol(cursor: HeaderCursor, symbol: string): void {
  if (!acceptSymbol(cursor, symbol)) unexpected(cursor, `'${symbol}'`)
}

/** @throws {FormatError} always: `expected` should have come next. */
export function unexpected(cursor: HeaderCursor, expected: string): never {
  const found = describeByte(peekByte(cursor))
  reject(cursor.source, cursor.position, `the header must have ${expected} here`, found)
}

/** @throws {FormatError} unless only white space is left. */
export function expectEnd(cursor: HeaderCursor): void {
  if (peekByte(cursor) !== undefined) unexpected(cursor, 'nothing but white space after its dictionary')
}

/**
 * Reads a dictionary and calls `readValue` with each key, the cursor standing at its value.
 * @throws {FormatError} if a key comes twice or is `__proto__`, which no plain object can hold safely.
 */
export function readDictionary(cursor: HeaderCursor, readValue: (key: string, at: number) => void): void {
  const seen = new Set<string>()
  expectSymbol(cursor, '{')
  if (acceptSymbol(cursor, '}')) return
  for (;;) {
    peekByte(cursor)
    const at = cursor.position
    const key = readQuoted(cursor)
    if (seen.has(key)) {
      reject(cursor.source, at, 'a name must stand only once in a dictionary', JSON.stringify(key))
    }
    if (key === '__proto__') reject(cursor.source, at, 'no name may be __proto__', JSON.stringify(key))
    seen.add(key)
    expectSymbol(cursor, ':')
    readValue(key, at)
    if (acceptSymbol(cursor, '}')) return
    expectSymbol(cursor, ',')
    if (cursor.dialect === 'python' && acceptSymbol(cursor, '}')) return
  }
}

/** Reads a quoted string: JSON with its escapes, or a printable ASCII Python string without any. */
export function readQuoted(cursor: HeaderCursor): string {
  const quote = peekByte(cursor)
  const quoted = quote === 0x22 || (quote === 0x27 && cursor.dialect === 'python')
  if (!quoted) unexpected(cursor, 'a quoted string')
  const { bytes } = cursor.source
  const start = cursor.position
  let end = start + 1
  while (end < cursor.end && bytes[end] !== quote) end += bytes[end] === 0x5c ? 2 : 1
  if (end >= cursor.end)
    reject(cursor.source, start, 'a string of the header must be closed', 'no closing quote')
  cursor.position = end + 1
  const literal = bytes.subarray(start, end + 1)
  return cursor.dialect === 'json' ? jsonString(cursor, start, literal) : pythonString(cursor, start, literal)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function jsonString(cursor: HeaderCursor, at: number, literal: Uint8Array): string {
  let text: unknown
  try {
    text = JSON.parse(utf8.decode(literal))
  } catch {
    reject(cursor.source, at, 'a name or value must be a JSON string in UTF-8', 'bytes that are not')
  }
  // An escape such as \ud800 alone is JSON but has no UTF-8 form, so it could never be written back.
  if (typeof text !== 'string' || /\p{Surrogate}/u.test(text)) {
    reject(cursor.source, at, 'a JSON string must not hold half a surrogate pair', JSON.stringify(text))
  }
  return text
}

function pythonString(cursor: HeaderCursor, at: number, literal: Uint8Array): string {
  const plain = literal.every((byte) => byte >= 0x20 && byte < 0x7f && byte !== 0x5c)
  if (!plain) reject(cursor.source, at, 'a string must be plain ASCII without escapes', 'other characters')
  return String.fromCharCode(...literal.subarray(1, -1).subarray(0, 80))
}

/** Reads a non-negative integer below 2^53; Python 2 wrote a closing `L`, which is allowed there. */
export function readInteger(cursor: HeaderCursor): number {
  if (peekByte(cursor) === 0x2d)
    reject(cursor.source, cursor.position, 'a number must not be negative', "'-'")
  const { bytes } = cursor.source
  const start = cursor.position
  let value = 0
  for (; cursor.position < cursor.end; cursor.position++) {
    const digit = bytes[cursor.position] - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
    if (!Number.isSafeInteger(value))
      reject(cursor.source, start, 'a number must be below 2^53', 'a larger one')
  }
  if (cursor.position === start) unexpected(cursor, 'a non-negative integer')
  if (bytes[start] === 0x30 && cursor.position > start + 1) {
    reject(cursor.source, start, 'a number must not begin with 0', 'leading zeros')
  }
  const next = bytes[cursor.position]
  if (cursor.position < cursor.end && (next === 0x2e || next === 0x65 || next === 0x45)) {
    unexpected(cursor, 'an integer')
  }
  if (cursor.dialect === 'python') acceptSymbol(cursor, 'L')
  return value
}

/**
 * Reads `[1, 2]` (JSON) or `(1, 2)` (a Python tuple, where one element needs its comma), at most `limit`
 * integers, so that a lying header cannot make a long list.
 */
export function readIntegers(cursor: HeaderCursor, limit: number, what: string): number[] {
  const python = cursor.dialect === 'python'
  const close = python ? ')' : ']'
  expectSymbol(cursor, python ? '(' : '[')
  const integers: number[] = []
  if (acceptSymbol(cursor, close)) return integers
  for (;;) {
    if (integers.length === limit) {
      reject(cursor.source, cursor.position, `${what} must have at most ${limit} numbers`, 'one more')
    }
    integers.push(readInteger(cursor))
    if (!(python && integers.length === 1) && acceptSymbol(cursor, close)) return integers
    expectSymbol(cursor, ',')
    if (python && acceptSymbol(cursor, close)) return integers
  }
}

/** Reads a Python boolean. */
export function readBoolean(cursor: HeaderCursor): boolean {
  peekByte(cursor)
  for (const [word, value] of [
    ['True', true],
    ['False', false],
  ] as const) {
    const end = cursor.position + word.length
    const bytes = cursor.source.bytes.subarray(cursor.position, Math.min(end, cursor.end))
    if (String.fromCharCode(...bytes) !== word) continue
    cursor.position = end
    return value
  }
  unexpected(cursor, 'True or False')
}
