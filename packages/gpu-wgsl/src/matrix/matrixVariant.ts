/**
 * The family of float32 products as plain data: which algorithm computes a `DotKernel`, and its sizes. A variant fits
 * every product, whatever its size, transposition and alignment; only its speed differs. Its text key names it in caches
 * of measured choices.
 *
 * `splits` > 1 cuts the depth in so many parts of equal length that are summed afterwards in a fixed order (a second
 * dispatch), which gives small outputs of great depth enough workgroups.
 */
import { BackendError } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'

/**
 * Workgroups of tileRows × tileColumns outputs, tileDepth of both operands at a time in workgroup memory, threadRows ×
 * threadColumns outputs in the registers of each thread.
 */
export interface TiledVariant {
  readonly kind: 'tiled'
  readonly tileRows: number
  readonly tileColumns: number
  readonly tileDepth: number
  readonly threadRows: number
  readonly threadColumns: number
  /** Two sets of tiles: the next one is fetched while the present one is multiplied, one barrier per tile. */
  readonly doubleBuffered: boolean
  readonly splits: number
}

/** No workgroup memory: every thread reads what it needs; groupRows × groupColumns threads per workgroup. */
export interface DirectVariant {
  readonly kind: 'direct'
  readonly threadRows: number
  /** 1, 2, 3 or a multiple of 4. */
  readonly threadColumns: number
  readonly groupRows: number
  readonly groupColumns: number
  /** Steps along the depth in one turn of the loop; vectors along the depth need a multiple of 4. */
  readonly unroll: number
  readonly splits: number
}

/**
 * No workgroup memory, loads shared within quads of lanes (needs subgroups): 2 × 2 threads per quad, `quads` of them side
 * by side in a workgroup. threadRows is even, threadColumns a multiple of 8.
 */
export interface QuadVariant {
  readonly kind: 'quad'
  readonly threadRows: number
  readonly threadColumns: number
  readonly quads: number
  /** As of direct variants. */
  readonly unroll: number
  readonly splits: number
}

/** A workgroup per threadRows × threadColumns outputs: its threads share the depth and sum in a fixed tree. */
export interface VectorVariant {
  readonly kind: 'vector'
  readonly threadRows: number
  readonly threadColumns: number
  /** A power of two. */
  readonly threads: number
  readonly splits: number
}

export type MatrixVariant = TiledVariant | DirectVariant | QuadVariant | VectorVariant

/** `tiled 128x128x16 8x8 double /1`, `direct 4x8 1x8 u4 /1`, `quad 8x8 q2 u4 /1`, `vector 1x1 t64 /4`. Equal for equal variants only. */
export function variantKey(variant: MatrixVariant): string {
  const thread = `${variant.threadRows}x${variant.threadColumns}`
  switch (variant.kind) {
    case 'tiled': {
      const tile = `${variant.tileRows}x${variant.tileColumns}x${variant.tileDepth}`
      return `tiled ${tile} ${thread} ${variant.doubleBuffered ? 'double' : 'single'} /${variant.splits}`
    }
    case 'direct':
      return `direct ${thread} ${variant.groupRows}x${variant.groupColumns} u${variant.unroll} /${variant.splits}`
    case 'quad':
      return `quad ${thread} q${variant.quads} u${variant.unroll} /${variant.splits}`
    case 'vector':
      return `vector ${thread} t${variant.threads} /${variant.splits}`
  }
}

const patterns = {
  tiled: /^tiled (\d+)x(\d+)x(\d+) (\d+)x(\d+) (double|single) \/(\d+)$/,
  direct: /^direct (\d+)x(\d+) (\d+)x(\d+) u(\d+) \/(\d+)$/,
  quad: /^quad (\d+)x(\d+) q(\d+) u(\d+) \/(\d+)$/,
  vector: /^vector (\d+)x(\d+) t(\d+) \/(\d+)$/,
}

/**
 * The variant of a key.
 * @throws {BackendError} for text that `variantKey` does not write, and sizes that no generator takes.
 */
export function parseVariant(key: string): MatrixVariant {
  const variant = readVariant(key)
  if (variant !== undefined && isWellFormed(variant)) return variant
  throw new BackendError({
    operation: 'parseVariant',
    rule: 'a variant is written as variantKey writes it',
    found: key,
    remedy: 'Delete the cache of measured choices that holds it',
  })
}

function readVariant(key: string): MatrixVariant | undefined {
  const tiled = patterns.tiled.exec(key)
  if (tiled !== null) {
    const [tileRows, tileColumns, tileDepth, threadRows, threadColumns] = tiled.slice(1, 6).map(Number)
    const sizes = { tileRows, tileColumns, tileDepth, threadRows, threadColumns }
    return { kind: 'tiled', ...sizes, doubleBuffered: tiled[6] === 'double', splits: Number(tiled[7]) }
  }
  const direct = patterns.direct.exec(key)
  if (direct !== null) {
    const [threadRows, threadColumns, groupRows, groupColumns, unroll, splits] = direct.slice(1).map(Number)
    return { kind: 'direct', threadRows, threadColumns, groupRows, groupColumns, unroll, splits }
  }
  const quad = patterns.quad.exec(key)
  if (quad !== null) {
    const [threadRows, threadColumns, quads, unroll, splits] = quad.slice(1).map(Number)
    return { kind: 'quad', threadRows, threadColumns, quads, unroll, splits }
  }
  const vector = patterns.vector.exec(key)
  if (vector === null) return undefined
  const [threadRows, threadColumns, threads, splits] = vector.slice(1).map(Number)
  return { kind: 'vector', threadRows, threadColumns, threads, splits }
}

/** What the generators take for granted. */
export function isWellFormed(variant: MatrixVariant): boolean {
  const sizes = Object.values(variant).filter((value) => typeof value === 'number')
  if (sizes.some((size) => !Number.isInteger(size) || size < 1)) return false
  const { threadRows, threadColumns } = variant
  switch (variant.kind) {
    case 'tiled':
      return (
        [threadRows, threadColumns, variant.tileDepth].every((size) => size % 4 === 0) &&
        variant.tileRows % threadRows === 0 &&
        variant.tileColumns % threadColumns === 0
      )
    case 'direct':
      return threadColumns < 4 || threadColumns % 4 === 0
    case 'quad':
      return threadRows % 2 === 0 && threadColumns % 8 === 0
    case 'vector':
      return Number.isInteger(Math.log2(variant.threads))
  }
}

/** Threads of one workgroup. */
export function threadsOf(variant: MatrixVariant): number {
  switch (variant.kind) {
    case 'tiled':
      return (variant.tileRows / variant.threadRows) * (variant.tileColumns / variant.threadColumns)
    case 'direct':
      return variant.groupRows * variant.groupColumns
    case 'quad':
      return 4 * variant.quads
    case 'vector':
      return variant.threads
  }
}

/** Outputs of one workgroup: rows, columns. */
export function outputTile(variant: MatrixVariant): readonly [number, number] {
  switch (variant.kind) {
    case 'tiled':
      return [variant.tileRows, variant.tileColumns]
    case 'direct':
      return [variant.threadRows * variant.groupRows, variant.threadColumns * variant.groupColumns]
    case 'quad':
      return [2 * variant.threadRows, 2 * variant.threadColumns * variant.quads]
    case 'vector':
      return [variant.threadRows, variant.threadColumns]
  }
}

/** Bytes of workgroup memory. */
export function workgroupBytes(variant: MatrixVariant): number {
  switch (variant.kind) {
    case 'tiled': {
      // One vector of four more per step of depth keeps threads that store along the depth on different banks.
      const perStep = variant.tileRows + variant.tileColumns + 8
      return 4 * variant.tileDepth * perStep * (variant.doubleBuffered ? 2 : 1)
    }
    case 'direct':
    case 'quad':
      return 0
    case 'vector':
      return 4 * variant.threads * variant.threadRows * variant.threadColumns
  }
}

/** Whether a device can run a variant. */
export const fitsDevice = (variant: MatrixVariant, device: DeviceCapabilities): boolean =>
  (variant.kind !== 'quad' || device.hasSubgroups) &&
  threadsOf(variant) <= device.maximumWorkgroupInvocations &&
  workgroupBytes(variant) <= device.maximumWorkgroupBytes
