/**
 * Which variant of a product to take without measuring. Everything here is a heuristic; `candidateVariants` lists what a
 * tuner should time instead.
 *
 * Hardware: a product should have at least two workgroups per multiprocessor of a large card (132 on an H100), so the
 * tile is the largest of 128, 64, 32 that gives so many, the depth split if need be; products with at most four rows or
 * columns read one operand once and are a matter of bandwidth, so their threads lie along whichever axis of the larger
 * operand is contiguous.
 *
 * A processor in disguise (SwiftShader) gathers every load lane by lane, which costs as much as several multiply-adds,
 * and synchronises slowly: large register tiles, no workgroup memory, and loads shared within quads of lanes. Measured on
 * products of 64 to 1000 in all transpositions: quads of 8×8 per thread are 1.5 to 3 times as fast as 8×8 alone, and
 * compile in 90 ms instead of 120; quads of 4×8 take 40 ms and are a tenth to a third slower, so the tile grows with the
 * work.
 */
import type { DotKernel } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type {
  DirectVariant,
  MatrixVariant,
  QuadVariant,
  TiledVariant,
  VectorVariant,
} from './matrixVariant.ts'
import { fitsDevice } from './matrixVariant.ts'
import { leftOperand, rightOperand } from './productOperand.ts'

/** Workgroups that keep a large card busy. */
const wantedWorkgroups = 264
/** The shortest part that a depth is worth cutting into. */
const leastPart = 256
const mostParts = 32
/** Beyond this smaller tiles are the better way to more workgroups. */
const mostPartsOfLargeTiles = 4
/** Extents up to which a product counts as skinny. */
const skinny = 4

/** The number of parts of the depth for so many workgroups without. */
export function usefulSplits(depth: number, workgroups: number): number {
  const wanted = Math.ceil(wantedWorkgroups / workgroups)
  return Math.max(1, Math.min(wanted, Math.floor(depth / leastPart), mostParts))
}

/** Square tiles of workgroups with threads of 8×8 or 4×4 outputs. */
export function tiled(
  tile: 32 | 64 | 128,
  tileDepth: number,
  splits = 1,
  doubleBuffered = false,
): TiledVariant {
  const thread = tile === 128 ? 8 : 4
  return {
    kind: 'tiled',
    ...{ tileRows: tile, tileColumns: tile, tileDepth, threadRows: thread, threadColumns: thread },
    ...{ doubleBuffered, splits },
  }
}

export const tilesOf = ({ batch, rows, columns }: DotKernel, tileRows: number, tileColumns: number): number =>
  batch * Math.ceil(rows / tileRows) * Math.ceil(columns / tileColumns)

/** The default variant for a product on a device. */
export function chooseVariant(kernel: DotKernel, device: DeviceCapabilities): MatrixVariant {
  if (device.isSoftware) return softwareVariant(kernel, device)
  const { rows, columns } = kernel
  return Math.min(rows, columns) <= skinny ? skinnyVariant(kernel) : tiledVariant(kernel, device)
}

function tiledVariant(kernel: DotKernel, device: DeviceCapabilities): TiledVariant {
  const { rows, columns, depth } = kernel
  const variantOf = (tile: 32 | 64 | 128, splits: number): TiledVariant => {
    const deep = tiled(tile, 16, splits)
    return fitsDevice(deep, device) ? deep : tiled(tile, 8, splits)
  }
  for (const tile of [128, 64, 32] as const) {
    const count = tilesOf(kernel, tile, tile)
    const splits = Math.min(usefulSplits(depth, count), tile === 128 ? mostPartsOfLargeTiles : mostParts)
    // A tile much longer than the output computes mostly what is dropped.
    const fits = Math.min(rows, columns) > tile / 2
    if (fits && count * splits >= wantedWorkgroups * 0.75) return variantOf(tile, splits)
  }
  return variantOf(32, usefulSplits(depth, tilesOf(kernel, 32, 32)))
}

/** Products with few rows or few columns, on hardware. */
export function skinnyVariant(kernel: DotKernel): DirectVariant | VectorVariant {
  const { batch, rows, columns, depth } = kernel
  const fewColumns = columns <= rows
  const large = fewColumns ? leftOperand(kernel) : rightOperand(kernel)
  const [few, many] = fewColumns ? [Math.min(columns, skinny), rows] : [Math.min(rows, skinny), columns]
  const outerContiguous = large.outerStride === 1 && many >= 32
  if (!outerContiguous) {
    const threads = depth >= 1024 ? 128 : depth >= 128 ? 64 : 32
    const splits = usefulSplits(depth / 8, batch * many)
    const [threadRows, threadColumns] = fewColumns ? [1, few] : [few, 1]
    return { kind: 'vector', threadRows, threadColumns, threads, splits }
  }
  const perThread = large.quads === 'outer' && many >= 4096 ? 4 : 1
  const splits = usefulSplits(depth * 4, batch * Math.ceil(many / (64 * perThread)))
  const [threadRows, threadColumns] = fewColumns ? [perThread, few] : [few, perThread]
  const [groupRows, groupColumns] = fewColumns ? [64, 1] : [1, 64]
  return { kind: 'direct', threadRows, threadColumns, groupRows, groupColumns, unroll: 4, splits }
}

/** Multiply-adds from which a larger register tile is worth its longer compilation. */
const worthLargeTile = 2 ** 22
/** Extents of the output from which quads have little to compute that is dropped. */
const quadRows = 6
const quadColumns = 10

function softwareVariant(
  { batch, rows, columns, depth }: DotKernel,
  { hasSubgroups }: DeviceCapabilities,
): MatrixVariant {
  const work = batch * rows * columns * depth
  if (batch * rows * columns <= 16 && depth >= 256) {
    return { kind: 'vector', threadRows: 1, threadColumns: 1, threads: 16, splits: 1 }
  }
  const large = work >= worthLargeTile
  if (hasSubgroups && rows >= quadRows && columns >= quadColumns) {
    return quads(large && rows > 8 ? 8 : 4, columns > 16 && rows > 32 ? 2 : 1)
  }
  const [mostRows, mostColumns] = large ? [8, 8] : [4, 4]
  const perThread = (extent: number, most: number): number => (extent < 4 ? extent : extent < 8 ? 4 : most)
  return eightThreads({ rows, columns }, perThread(rows, mostRows), perThread(columns, mostColumns))
}

/** Quads of threadRows × 8 outputs per thread, side by side in a workgroup. */
export const quads = (threadRows: number, count: number): QuadVariant => ({
  kind: 'quad',
  ...{ threadRows, threadColumns: 8, quads: count, unroll: 4, splits: 1 },
})

/** Eight threads along the columns, or as many as there are columns for and the rest along the rows. */
export function eightThreads(
  { rows, columns }: Pick<DotKernel, 'rows' | 'columns'>,
  threadRows: number,
  threadColumns: number,
): DirectVariant {
  const across = Math.ceil(columns / threadColumns)
  const groupColumns = across >= 8 ? 8 : across >= 4 ? 4 : across >= 2 ? 2 : 1
  const down = Math.ceil(rows / threadRows)
  const groupRows = Math.min(8 / groupColumns, down)
  return { kind: 'direct', threadRows, threadColumns, groupRows, groupColumns, unroll: 4, splits: 1 }
}
