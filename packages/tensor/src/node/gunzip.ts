/**
 * Decompression of `.gz` files in memory (RFC 1952), with a limit, and with the one check that zlib leaves to
 * its caller: the last four bytes of the file are the length of what came out, modulo 2^32. It finds bytes after
 * the end of the stream, which zlib ignores. Files of several concatenated streams are refused by the same check.
 */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { FormatError } from '../errors.ts'

const decompress = promisify(gunzip)

/** Whether the bytes begin like a gzip stream. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/**
 * The decompressed bytes.
 * @param name how messages name the file.
 * @throws {FormatError} if the stream is damaged, truncated or followed by other bytes, or gives more than
 * `maximumBytes`.
 */
export async function gunzipBytes(
  bytes: Uint8Array,
  name: string,
  maximumBytes: number,
): Promise<Uint8Array> {
  const operation = `gunzip(${name})`
  let output: Uint8Array
  try {
    output = await decompress(bytes, { maxOutputLength: maximumBytes })
  } catch (cause) {
    throw new FormatError({
      operation,
      rule: `the file must be a gzip stream of at most ${maximumBytes} bytes`,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'The file is truncated or damaged: fetch it again',
      cause,
    })
  }
  const stated = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(
    bytes.length - 4,
    true,
  )
  if (stated !== output.length % 2 ** 32) {
    throw new FormatError({
      operation,
      rule: 'the file must be one gzip stream that ends with the length of its content',
      found: `${stated} at byte ${bytes.length - 4} after ${output.length} bytes`,
      remedy: 'Bytes follow the stream, or there are several: decompress it with gunzip and read the result',
    })
  }
  return output
}
