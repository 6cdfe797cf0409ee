/**
 * Array files on disk: every format of `formats/` as a pair of functions over paths. Reading gives host arrays;
 * writing replaces a file atomically (see `fileBytes.ts`). Messages name the path.
 */
import { formatIdx, parseIdx } from '../formats/idx.ts'
import type { IdxType } from '../formats/idx.ts'
import { formatNpy, parseNpy } from '../formats/npy.ts'
import { formatNpz, parseNpz } from '../formats/npz.ts'
import { formatSafetensors, parseSafetensors } from '../formats/safetensors.ts'
import type { Safetensors } from '../formats/safetensors.ts'
import type { HostArray } from '../hostArray.ts'
import { readFileBytes, writeFileAtomically } from './fileBytes.ts'
import { gunzipBytes, isGzip } from './gunzip.ts'

/** The most bytes a compressed file may decompress to, unless a call says otherwise. */
const defaultMaximumBytes = 2 ** 31

/** Limit on decompression. */
export interface DecompressionLimit {
  /** The most bytes that the content may take; 2 GiB by default. */
  readonly maximumBytes?: number
}

/** Reads a `.npy` file. @throws {FileError} if it cannot be read. @throws {FormatError} as `parseNpy`. */
export const readNpy = async (path: string): Promise<HostArray> => parseNpy(await readFileBytes(path), path)

/** Writes a `.npy` file. @throws {FileError} if it cannot be written. @throws {ShapeError} as `formatNpy`. */
export const writeNpy = async (path: string, array: HostArray): Promise<void> =>
  writeFileAtomically(path, formatNpy(array))

/** Reads a `.npz` file. @throws {FileError} if it cannot be read. @throws {FormatError} as `parseNpz`. */
export async function readNpz(
  path: string,
  { maximumBytes = defaultMaximumBytes }: DecompressionLimit = {},
): Promise<Readonly<Record<string, HostArray>>> {
  return parseNpz(await readFileBytes(path), { name: path, maximumBytes })
}

/** Writes a `.npz` file. @throws {FileError} if it cannot be written. @throws {ArgumentError} as `formatNpz`. */
export const writeNpz = async (path: string, arrays: Readonly<Record<string, HostArray>>): Promise<void> =>
  writeFileAtomically(path, formatNpz(arrays))

/**
 * Reads a safetensors file.
 * @throws {FileError} if it cannot be read.
 * @throws {FormatError} as `parseSafetensors`.
 */
export const readSafetensors = async (path: string): Promise<Safetensors> =>
  parseSafetensors(await readFileBytes(path), path)

/**
 * Writes a safetensors file.
 * @throws {FileError} if it cannot be written.
 * @throws {ArgumentError} as `formatSafetensors`.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically(path, formatSafetensors(tensors, metadata))
}

/**
 * Reads an IDX file, compressed with gzip or not (told by its first bytes, not by its name).
 * @throws {FileError} if it cannot be read.
 * @throws {FormatError} as `parseIdx`, or if the compressed stream is damaged or exceeds the limit.
 */
export async function readIdx(
  path: string,
  { maximumBytes = defaultMaximumBytes }: DecompressionLimit = {},
): Promise<HostArray> {
  const bytes = await readFileBytes(path)
  return parseIdx(isGzip(bytes) ? await gunzipBytes(bytes, path, maximumBytes) : bytes, path)
}

/** Writes an IDX file. @throws {FileError} if it cannot be written. @throws {ArgumentError} as `formatIdx`. */
export const writeIdx = async (path: string, array: HostArray, type?: IdxType): Promise<void> =>
  writeFileAtomically(path, formatIdx(array, type))
