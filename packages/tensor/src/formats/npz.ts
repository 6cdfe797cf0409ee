/**
 * NumPy's `.npz` files: a zip archive with one `.npy` member for each array, as `numpy.savez` (stored) and
 * `numpy.savez_compressed` (deflated) write them.
 *
 * Reading is asynchronous because decompression is the platform's own DecompressionStream, which browsers
 * and Node share; writing stores without compression and is synchronous.
 */
import { ArgumentError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import { byteSource, reject } from './byteSource.ts'
import { formatNpy, parseNpy } from './npy.ts'
import { readZip } from './zip.ts'
import { formatZip } from './zipWriter.ts'

const suffix = '.npy'

export interface ParseNpzOptions {
  /** How messages name the file. */
  readonly name?: string
  /** The most bytes that the members may decompress to, all together; 2 GiB by default. */
  readonly maximumBytes?: number
}

/**
 * Reads a `.npz` file from memory: array names (members without `.npy`) to arrays. The record has no
 * prototype, so no name can collide with one.
 *
 * @throws {FormatError} if the archive or a member is malformed, a member is no `.npy` file, or the members
 * take more than `maximumBytes`. Rejects its promise; it never throws synchronously.
 */
export async function parseNpz(
  bytes: Uint8Array,
  options: ParseNpzOptions = {},
): Promise<Readonly<Record<string, HostArray>>> {
  const { name, maximumBytes = 2 ** 31 } = options
  const source = byteSource('parseNpz', name, bytes)
  const arrays = Object.create(null) as Record<string, HostArray>
  for (const member of await readZip('parseNpz', bytes, name, maximumBytes)) {
    const key = member.name.slice(0, -suffix.length)
    if (!member.name.endsWith(suffix) || key === '__proto__') {
      reject(source, 0, 'every member must be a .npy file with a harmless name', JSON.stringify(member.name))
    }
    arrays[key] = parseNpy(member.bytes, name === undefined ? member.name : `${name}/${member.name}`)
  }
  return arrays
}

/**
 * Writes a `.npz` file without compression; equal arrays give equal bytes.
 * @throws {ArgumentError} if a name is `__proto__` or the arrays take 4 GiB or more.
 */
export function formatNpz(arrays: Readonly<Record<string, HostArray>>): Uint8Array {
  const members = Object.entries(arrays).map(([name, array]) => {
    if (name === '__proto__' || /\p{Surrogate}/u.test(name)) {
      throw new ArgumentError({
        operation: 'formatNpz',
        rule: 'an array must have a name of well-formed Unicode other than __proto__',
        found: JSON.stringify(name),
      })
    }
    return { name: name + suffix, bytes: formatNpy(array) }
  })
  return formatZip(members)
}
