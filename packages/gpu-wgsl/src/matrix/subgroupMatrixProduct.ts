/**
 * result = lhs · rhs in subgroup matrices ("tensor cores"): operands in float16, sums in float32. Any sizes: operands
 * that are not whole tiles (or are float32 in memory) are packed into zero-padded copies first, and the result is cut
 * from a padded one afterwards.
 *
 * Accuracy with exact operands: |error| ≤ depth · u · Σ_k |lhs_ik · rhs_kj|, with u = 2^-24 where the device rounds
 * sums to nearest; matrix units that truncate them reach up to 2^-23. Elements above 65,504 become infinite.
 */
import { BackendError } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type { ShaderDispatch, StorageIndex } from '../wgsl/shaderDispatch.ts'
import { packHalves } from './halfPacking.ts'
import { sumPartialProducts } from './partialProducts.ts'
import type { PackedProduct } from './subgroupMatrixKernel.ts'
import { subgroupMatrixKernel, usefulSlices } from './subgroupMatrixKernel.ts'
import type { SubgroupMatrixTiling, SubgroupMatrixUnit, TileSize } from './subgroupMatrixTiling.ts'
import {
  defaultSubgroupMatrixTiling,
  requireFloat16MatrixUnit,
  tileSize,
  tilingFits,
} from './subgroupMatrixTiling.ts'

/** Dense row-major matrices, each at the start of a storage: lhs [rows, depth], rhs [depth, columns]. */
export interface RowMajorProduct {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly lhs: StorageIndex
  readonly rhs: StorageIndex
  /** float32 [rows, columns]. */
  readonly result: StorageIndex
  /** A storage of this product's own. */
  readonly workspace: (bytes: number) => StorageIndex
}

export interface SubgroupMatrixOptions {
  /** Default: a heuristic. */
  readonly tiling?: SubgroupMatrixTiling
  /** Slices of the depth that are computed side by side and then added; default: as many as fill the device. */
  readonly slices?: number
}

export const roundUp = (value: number, multiple: number): number =>
  Math.max(1, Math.ceil(value / multiple)) * multiple

/** Extents in whole tiles. */
export interface PaddedExtents {
  readonly rows: number
  readonly columns: number
  readonly depth: number
}

export const paddedExtents = (
  { rows, columns, depth }: PaddedExtents,
  tile: Omit<TileSize, 'threads'>,
): PaddedExtents => ({
  rows: roundUp(rows, tile.rows),
  columns: roundUp(columns, tile.columns),
  depth: roundUp(depth, tile.depth),
})

/**
 * A heuristic: slices until there are 256 workgroups, each still with eight steps of the depth; one on software
 * devices. `least` is a lower bound (for accuracy), memory for the partial results an upper one.
 */
export function defaultSlices(
  padded: PaddedExtents,
  tile: TileSize,
  device: DeviceCapabilities,
  least = 1,
): number {
  const tiles = (padded.rows / tile.rows) * (padded.columns / tile.columns)
  const filling = device.isSoftware ? 1 : Math.min(256 / tiles, padded.depth / (8 * tile.depth))
  const fitting = Math.floor(device.maximumBindingBytes / (4 * padded.rows * padded.columns))
  const wanted = Math.min(Math.max(least, Math.floor(filling), 1), Math.max(fitting, 1), 64)
  return usefulSlices(padded.depth, tile.depth, wanted)
}

/** @throws {BackendError} where the largest of some storages exceeds a binding. */
export function checkBindings(operation: string, device: DeviceCapabilities, bytes: readonly number[]): void {
  const largest = Math.max(...bytes)
  if (largest <= device.maximumBindingBytes) return
  throw new BackendError({
    operation,
    rule: `a storage binding of this device holds at most ${device.maximumBindingBytes} bytes`,
    found: `${largest} bytes`,
    remedy: 'Split the product along its rows or columns',
  })
}

/** @throws {BackendError} where an axis of the result has more tiles than a dispatch has workgroups. */
export function checkTiles(
  operation: string,
  { maximumWorkgroupsPerAxis }: DeviceCapabilities,
  padded: PaddedExtents,
  tile: TileSize,
): void {
  const most = Math.max(padded.rows / tile.rows, padded.columns / tile.columns)
  if (most <= maximumWorkgroupsPerAxis) return
  throw new BackendError({
    operation,
    rule: `a dispatch has at most ${maximumWorkgroupsPerAxis} workgroups along an axis`,
    found: `${most} tiles`,
    remedy: 'Split the product along its rows or columns, or take a larger tiling',
  })
}

/** The tiling that is asked for, or the default one. @throws {BackendError} for one that does not fit. */
export function chosenTiling(
  operation: string,
  product: { readonly rows: number; readonly columns: number },
  { tiling }: SubgroupMatrixOptions,
  unit: SubgroupMatrixUnit,
  device: DeviceCapabilities,
  parts = 1,
): SubgroupMatrixTiling {
  if (tiling === undefined) return defaultSubgroupMatrixTiling(product, device, unit, parts)
  if (tilingFits(tiling, unit, device, parts)) return tiling
  throw new BackendError({
    operation,
    rule: 'a tiling must fit the workgroup memory and invocations of the device, its depth the fragment',
    found: JSON.stringify(tiling),
    remedy: 'Take one of subgroupMatrixTilings()',
  })
}

/** The kernel itself, over packed operands. */
export function packedProductDispatch(
  label: string,
  product: PackedProduct,
  tiling: SubgroupMatrixTiling,
  unit: SubgroupMatrixUnit,
  storages: { readonly lhs: StorageIndex; readonly rhs: StorageIndex; readonly result: StorageIndex },
): ShaderDispatch {
  const tile = tileSize(tiling, unit)
  return {
    label,
    source: subgroupMatrixKernel(product, tiling, unit),
    bindings: [
      { storage: storages.lhs, access: 'read' },
      { storage: storages.rhs, access: 'read' },
      { storage: storages.result, access: 'read_write' },
    ],
    workgroups: [product.columns / tile.columns, product.rows / tile.rows, product.slices],
  }
}

/**
 * @param operands what lies in the storages of lhs and rhs. float16 operands in whole tiles are read where they are.
 * @returns dispatches in order; none for an empty result.
 * @throws {BackendError} where the device has no matrix unit for float16, or a matrix exceeds a binding or a dispatch.
 */
export function subgroupMatrixProduct(
  problem: RowMajorProduct,
  operands: 'float16' | 'float32',
  device: DeviceCapabilities,
  options: SubgroupMatrixOptions = {},
): ShaderDispatch[] {
  const operation = 'subgroupMatrixProduct'
  const { rows, columns, depth, lhs, rhs, result, workspace } = problem
  const unit = requireFloat16MatrixUnit(device, operation)
  if (rows === 0 || columns === 0) return []
  const tiling = chosenTiling(operation, problem, options, unit, device)
  const tile = tileSize(tiling, unit)
  const padded = paddedExtents(problem, tile)
  checkTiles(operation, device, padded, tile)
  const slices =
    options.slices === undefined
      ? defaultSlices(padded, tile, device)
      : usefulSlices(padded.depth, tile.depth, options.slices)
  checkBindings(operation, device, [
    padded.rows * padded.depth * 2,
    padded.depth * padded.columns * 2,
    padded.rows * padded.columns * slices * 4,
  ])

  const dispatches: ShaderDispatch[] = []
  const packed = (source: StorageIndex, [height, width]: number[], [tall, wide]: number[]): StorageIndex => {
    if (operands === 'float16' && height === tall && width === wide) return source
    const target = workspace(tall * wide * 2)
    dispatches.push(
      packHalves(
        { source, rows: height, columns: width, target, paddedRows: tall, paddedColumns: wide },
        operands === 'float16' ? 'f16' : 'f32',
        device,
      ),
    )
    return target
  }
  const packedLhs = packed(lhs, [rows, depth], [padded.rows, padded.depth])
  const packedRhs = packed(rhs, [depth, columns], [padded.depth, padded.columns])

  const whole = slices === 1 && rows === padded.rows && columns === padded.columns
  const partial = whole ? result : workspace(slices * padded.rows * padded.columns * 4)
  dispatches.push(
    packedProductDispatch(
      `subgroupMatrixProduct [${rows}, ${depth}] · [${depth}, ${columns}]`,
      { ...padded, parts: 1, terms: [{ lhs: 0, rhs: 0 }], staged: false, slices },
      tiling,
      unit,
      { lhs: packedLhs, rhs: packedRhs, result: partial },
    ),
  )
  if (!whole) {
    const { rows: paddedRows, columns: paddedColumns } = padded
    dispatches.push(
      sumPartialProducts({ partial, slices, paddedRows, paddedColumns, result, rows, columns }, device),
    )
  }
  return dispatches
}
