/**
 * The float32 product on matrix units that multiply float16: rows of A and columns of B are scaled by powers of two,
 * each element is split into two float16 halves, and three of the four products are added in float32,
 *   A·B ≈ A_l·B_h + A_h·B_l + A_h·B_h   (then rescaled),
 * after Markidis et al., "NVIDIA Tensor Core Programmability, Performance & Precision" (2018), §V, and Ootomo and
 * Yokota, "Recovering single precision accuracy from Tensor Cores" (2022). The latter keep the low halves multiplied by
 * 2^11 in sums of their own; scaled to a maximum of 2^15, rows leave 39 binary orders below their largest element,
 * so here the low halves need no factor and share the sums.
 *
 * Accuracy. A half rounds to 11 bits, so |s − high − low| ≤ 2^-23 |s|, and |low| ≤ 2^-11 |s|. With the product of the
 * two low halves left out, each term is off by at most (2·2^-23 + 2^-22 + 2^-33) of itself, and n sums by u each:
 *   |error_ij| ≤ (2^-21 + 2^-33 + (n + slices)·u) · Σ_k |a_ik b_kj|
 *              + 2^-38 · (max_k |a_ik| Σ_k |b_kj| + max_k |b_kj| Σ_k |a_ik|)
 * where n is the depth of one slice times 1 + 2^-10 (small terms are summed first; n is three times the depth if
 * staged), and u = 2^-24, or 2^-23 on units that truncate. A plain float32 product has depth · 2^-24. The second line is
 * for elements 2^28 times smaller than their row's largest, whose low halves are subnormal; on devices that flush
 * those to zero 2^-38 becomes 2^-27. Rows (columns) whose largest element is subnormal may become zero; those with an
 * infinity or NaN become NaN.
 */
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type { ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import { columnExponents, rowExponents, splitHalves } from './halfPacking.ts'
import { sumPartialProducts } from './partialProducts.ts'
import { usefulSlices } from './subgroupMatrixKernel.ts'
import type { RowMajorProduct, SubgroupMatrixOptions } from './subgroupMatrixProduct.ts'
import {
  checkBindings,
  checkTiles,
  chosenTiling,
  defaultSlices,
  packedProductDispatch,
  paddedExtents,
} from './subgroupMatrixProduct.ts'
import { requireFloat16MatrixUnit, tileSize } from './subgroupMatrixTiling.ts'

export interface SplitHalvesOptions extends SubgroupMatrixOptions {
  /** Stage both halves of both operands at once: less traffic, three times as many sums. Default false. */
  readonly staged?: boolean
}

/** A slice's sums stay this short by default, because matrix units may truncate instead of rounding. */
const longestSlice = 2048

const terms = [
  { lhs: 1, rhs: 0 },
  { lhs: 0, rhs: 1 },
  { lhs: 0, rhs: 0 },
]

/**
 * @param problem float32 operands and result.
 * @returns dispatches in order; none for an empty result.
 * @throws {BackendError} where the device has no matrix unit for float16, or a matrix exceeds a binding or a dispatch.
 */
export function splitHalvesProduct(
  problem: RowMajorProduct,
  device: DeviceCapabilities,
  options: SplitHalvesOptions = {},
): ShaderDispatch[] {
  const operation = 'splitHalvesProduct'
  const { rows, columns, depth, lhs, rhs, result, workspace } = problem
  const { staged = false } = options
  const unit = requireFloat16MatrixUnit(device, operation)
  if (rows === 0 || columns === 0) return []
  const tiling = chosenTiling(operation, problem, options, unit, device, staged ? 2 : 1)
  const tile = tileSize(tiling, unit)
  const padded = paddedExtents(problem, tile)
  checkTiles(operation, device, padded, tile)
  const slices =
    options.slices === undefined
      ? defaultSlices(padded, tile, device, Math.ceil(depth / longestSlice))
      : usefulSlices(padded.depth, tile.depth, options.slices)
  const [lhsBytes, rhsBytes] = [padded.rows * padded.depth * 4, padded.depth * padded.columns * 4]
  const partialBytes = padded.rows * padded.columns * slices * 4
  checkBindings(operation, device, [lhsBytes, rhsBytes, partialBytes])

  const exponents = { rows: workspace(rows * 4), columns: workspace(columns * 4) }
  const [packedLhs, packedRhs, partial] = [workspace(lhsBytes), workspace(rhsBytes), workspace(partialBytes)]
  const { rows: paddedRows, columns: paddedColumns } = padded
  return [
    rowExponents(lhs, { rows, columns: depth }, exponents.rows, device),
    ...columnExponents(rhs, { rows: depth, columns }, exponents.columns, device, workspace),
    splitHalves(
      { source: lhs, rows, columns: depth, target: packedLhs, paddedRows, paddedColumns: padded.depth },
      'row',
      exponents.rows,
      device,
    ),
    splitHalves(
      { source: rhs, rows: depth, columns, target: packedRhs, paddedRows: padded.depth, paddedColumns },
      'column',
      exponents.columns,
      device,
    ),
    packedProductDispatch(
      `splitHalvesProduct [${rows}, ${depth}] · [${depth}, ${columns}]`,
      { ...padded, parts: 2, terms, staged, slices },
      tiling,
      unit,
      { lhs: packedLhs, rhs: packedRhs, result: partial },
    ),
    sumPartialProducts(
      { partial, slices, paddedRows, paddedColumns, result, rows, columns, exponents },
      device,
    ),
  ]
}
