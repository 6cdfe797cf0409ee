/**
 * How a product is cut into subgroup matrices ("tensor core" fragments). A workgroup computes a tile of
 *   tileRows = subgroupRows · fragmentRows · M,   tileColumns = subgroupColumns · fragmentColumns · N
 * elements, where M×N×K is the fragment shape that the device offers; each subgroup holds fragmentRows × fragmentColumns
 * accumulators, and both operands pass through workgroup memory in slices of `tileDepth`. Nothing here assumes 16×16×16
 * fragments or subgroups of 32: both come from the device (8×8×8 and 8 on lavapipe).
 */
import { BackendError } from '@hessian-free/tensor'
import type { DeviceCapabilities, SubgroupMatrixShape } from '../device/deviceCapabilities.ts'

export interface SubgroupMatrixTiling {
  readonly subgroupRows: number
  readonly subgroupColumns: number
  /** Fragments of each subgroup. */
  readonly fragmentRows: number
  readonly fragmentColumns: number
  /** A multiple of the fragment's depth and of 4. */
  readonly tileDepth: number
  /** Elements between the rows of a tile in workgroup memory, against bank conflicts; a multiple of 4. */
  readonly padding: number
  /** Load the next slice into a second pair of tiles while the current one is multiplied. */
  readonly doubleBuffered: boolean
}

/** The fragment shape and subgroup size of one device. */
export interface SubgroupMatrixUnit {
  readonly shape: SubgroupMatrixShape
  readonly subgroupSize: number
}

/**
 * The device's unit for float16 operands and float32 sums; the largest fragment where it has several. Undefined where
 * there is none, or where the size of subgroups is not fixed, so that the work of each cannot be laid out in advance.
 */
export function float16MatrixUnit(device: DeviceCapabilities): SubgroupMatrixUnit | undefined {
  if (!device.hasFloat16 || !device.hasSubgroups) return undefined
  if (device.subgroupMinimumSize !== device.subgroupMaximumSize) return undefined
  const size = ({ rows, columns, depth }: SubgroupMatrixShape): number => rows * columns * depth
  const [shape] = device.subgroupMatrixShapes
    .filter(
      ({ componentType, resultComponentType, columns, depth }) =>
        componentType === 'f16' && resultComponentType === 'f32' && columns % 4 === 0 && depth % 4 === 0,
    )
    .sort((a, b) => size(b) - size(a))
  return shape === undefined ? undefined : { shape, subgroupSize: device.subgroupMaximumSize }
}

/** @throws {BackendError} where the device has no such unit. */
export function requireFloat16MatrixUnit(device: DeviceCapabilities, operation: string): SubgroupMatrixUnit {
  const unit = float16MatrixUnit(device)
  if (unit !== undefined) return unit
  throw new BackendError({
    operation,
    rule: 'the device must multiply subgroup matrices of float16 into float32, with subgroups of one size',
    found: `${device.adapterName}: ${device.subgroupMatrixShapes.length} shapes, subgroups of ${device.subgroupMinimumSize} to ${device.subgroupMaximumSize}, ${device.hasFloat16 ? 'with' : 'without'} float16`,
    remedy:
      'Use the float32 products; in Dawn the features need allow_unsafe_apis and vulkan_enable_f16_on_nvidia',
  })
}

export interface TileSize {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly threads: number
}

/** Elements of the result that one workgroup computes, and its invocations. */
export const tileSize = (
  { subgroupRows, subgroupColumns, fragmentRows, fragmentColumns, tileDepth }: SubgroupMatrixTiling,
  { shape, subgroupSize }: SubgroupMatrixUnit,
): TileSize => ({
  rows: subgroupRows * fragmentRows * shape.rows,
  columns: subgroupColumns * fragmentColumns * shape.columns,
  depth: tileDepth,
  threads: subgroupRows * subgroupColumns * subgroupSize,
})

/** Workgroup memory for `parts` tiles of each operand (two where high and low halves are staged together). */
export function tileBytes(tiling: SubgroupMatrixTiling, unit: SubgroupMatrixUnit, parts: number): number {
  const { rows, columns, depth } = tileSize(tiling, unit)
  const { padding, doubleBuffered } = tiling
  return 2 * (doubleBuffered ? 2 : 1) * parts * (rows * (depth + padding) + depth * (columns + padding))
}

/** Whether the device can run a tiling. */
export function tilingFits(
  tiling: SubgroupMatrixTiling,
  unit: SubgroupMatrixUnit,
  device: DeviceCapabilities,
  parts: number,
): boolean {
  return (
    tiling.tileDepth % unit.shape.depth === 0 &&
    tiling.tileDepth % 4 === 0 &&
    tiling.padding % 4 === 0 &&
    tileSize(tiling, unit).threads <= device.maximumWorkgroupInvocations &&
    tileBytes(tiling, unit, parts) <= device.maximumWorkgroupBytes
  )
}

/** Subgroups and fragments in both directions, then tile depth; large tiles first. */
const layouts = [
  [2, 2, 4, 4, 32, true],
  [2, 4, 4, 2, 32, true],
  [2, 2, 4, 4, 32, false],
  [2, 4, 4, 4, 32, false],
  [4, 2, 2, 4, 64, false],
  [2, 2, 4, 4, 16, false],
  [2, 2, 2, 2, 32, true],
  [2, 2, 2, 2, 16, true],
  [2, 2, 2, 2, 16, false],
  [1, 1, 2, 2, 16, false],
  [1, 1, 1, 1, 16, false],
] as const

/** Every tiling that the device can run, large tiles first: candidates for timing. @param parts see `tileBytes`. */
export const subgroupMatrixTilings = (
  device: DeviceCapabilities,
  unit: SubgroupMatrixUnit,
  parts = 1,
): readonly SubgroupMatrixTiling[] =>
  layouts
    .map(([subgroupRows, subgroupColumns, fragmentRows, fragmentColumns, tileDepth, doubleBuffered]) => ({
      subgroupRows,
      subgroupColumns,
      fragmentRows,
      fragmentColumns,
      tileDepth,
      padding: 8,
      doubleBuffered,
    }))
    .filter((tiling) => tilingFits(tiling, unit, device, parts))

/**
 * A heuristic: the largest tile that wastes at most half of its work on padding and, on hardware, still leaves some
 * hundred workgroups; on software devices, where long shaders take seconds to compile, the smallest but one.
 * @throws {BackendError} where the device can run none.
 */
export function defaultSubgroupMatrixTiling(
  { rows, columns }: { readonly rows: number; readonly columns: number },
  device: DeviceCapabilities,
  unit: SubgroupMatrixUnit,
  parts = 1,
): SubgroupMatrixTiling {
  const tilings = subgroupMatrixTilings(device, unit, parts)
  const smallest = tilings[tilings.length - 1]
  if (smallest === undefined) {
    throw new BackendError({
      operation: 'subgroupMatrixProduct',
      rule: 'a tile must fit the workgroup memory and invocations of the device',
      found: `${device.maximumWorkgroupBytes} bytes, ${device.maximumWorkgroupInvocations} invocations`,
      remedy: 'Use the float32 products',
    })
  }
  if (device.isSoftware) return tilings[tilings.length - 2] ?? smallest
  const fitting = tilings.find((tiling) => {
    const tile = tileSize(tiling, unit)
    const [down, across] = [Math.ceil(rows / tile.rows), Math.ceil(columns / tile.columns)]
    const used = (rows * columns) / (down * tile.rows * across * tile.columns)
    return used >= 0.5 && down * across >= 128
  })
  return fitting ?? tilings[tilings.length - 3] ?? smallest
}
