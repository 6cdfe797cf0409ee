/**
 * The dozen variants among which a tuner chooses for a class of products: the heuristic's choice first, then others of
 * the family that have been the fastest somewhere (tile sizes, register tiles, depth of a tile, double buffering,
 * splits). All of them fit the device.
 */
import type { DotKernel } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import {
  chooseVariant,
  eightThreads,
  quads,
  skinnyVariant,
  tiled,
  tilesOf,
  usefulSplits,
} from './chooseVariant.ts'
import type { MatrixVariant } from './matrixVariant.ts'
import { fitsDevice, variantKey } from './matrixVariant.ts'

/** What is worth timing for a product on a device, without duplicates, the default first. */
export function candidateVariants(kernel: DotKernel, device: DeviceCapabilities): readonly MatrixVariant[] {
  const { rows, columns } = kernel
  const others = device.isSoftware
    ? softwareCandidates(kernel)
    : Math.min(rows, columns) <= 16
      ? [...skinnyCandidates(kernel), ...tiledCandidates(kernel).slice(-2)]
      : tiledCandidates(kernel)
  const found = new Map<string, MatrixVariant>()
  for (const variant of [chooseVariant(kernel, device), ...others]) {
    if (fitsDevice(variant, device)) found.set(variantKey(variant), variant)
  }
  return [...found.values()]
}

function tiledCandidates(kernel: DotKernel): MatrixVariant[] {
  const split = (tile: number): number => usefulSplits(kernel.depth, tilesOf(kernel, tile, tile))
  return [
    tiled(128, 8),
    tiled(128, 16),
    tiled(128, 8, 1, true),
    tiled(128, 16, 1, true),
    tiled(128, 16, split(128)),
    { ...tiled(128, 16), tileRows: 64, threadRows: 4 },
    { ...tiled(128, 16), tileColumns: 64, threadColumns: 4 },
    { ...tiled(64, 16), threadRows: 8, threadColumns: 8 },
    tiled(64, 16),
    tiled(64, 16, 1, true),
    tiled(64, 16, split(64)),
    { ...tiled(64, 16, split(64)), threadRows: 8 },
    tiled(32, 16),
    tiled(32, 16, split(32)),
  ]
}

function skinnyCandidates(kernel: DotKernel): MatrixVariant[] {
  const chosen = skinnyVariant(kernel)
  const { rows, columns } = kernel
  const [few, fewColumns] = columns <= rows ? [Math.min(columns, 4), true] : [Math.min(rows, 4), false]
  const oriented = (a: number, b: number): readonly [number, number] => (fewColumns ? [a, b] : [b, a])
  const vector = (many: number, threads: number, splits: number): MatrixVariant => {
    const [threadRows, threadColumns] = oriented(many, few)
    return { kind: 'vector', threadRows, threadColumns, threads, splits }
  }
  const direct = (many: number, threads: number, splits: number): MatrixVariant => {
    const [threadRows, threadColumns] = oriented(many, few)
    const [groupRows, groupColumns] = oriented(threads, 1)
    return { kind: 'direct', threadRows, threadColumns, groupRows, groupColumns, unroll: 4, splits }
  }
  return [
    { ...chosen, splits: 1 },
    { ...chosen, splits: chosen.splits * 2 },
    vector(1, 32, 1),
    vector(1, 64, 1),
    vector(1, 256, 1),
    vector(2, 64, 1),
    vector(4, 64, 1),
    direct(1, 64, chosen.splits),
    direct(1, 256, chosen.splits),
    direct(4, 64, chosen.splits),
  ]
}

/** Compilation costs more than it saves here, so only a few. */
function softwareCandidates(kernel: DotKernel): MatrixVariant[] {
  const { rows, columns } = kernel
  const most = (extent: number, wanted: number): number =>
    extent < 4 ? extent : Math.min(wanted, extent < 8 ? 4 : 8)
  return [
    eightThreads(kernel, most(rows, 4), most(columns, 4)),
    eightThreads(kernel, most(rows, 8), most(columns, 8)),
    quads(4, 1),
    quads(4, 2),
    quads(8, 1),
    quads(8, 2),
    quads(16, 1),
  ]
}
