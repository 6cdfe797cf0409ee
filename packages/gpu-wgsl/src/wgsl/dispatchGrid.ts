/**
 * One-dimensional work on the grid of a dispatch, whose axes hold at most 65,535 workgroups each: as few rows as do, of
 * equal length, so that fewer workgroups than there are rows are surplus,
 *   workgroup number = x + y·columns.
 */
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'

export interface DispatchGrid {
  readonly workgroups: readonly [number, number, number]
  /** WGSL expression (u32) of the number of the workgroup, over a builtin `workgroup_id` named `group`. */
  readonly workgroupIndex: string
}

/** A grid of at least `count` workgroups (at least one). */
export function dispatchGrid(
  count: number,
  { maximumWorkgroupsPerAxis: limit }: DeviceCapabilities,
): DispatchGrid {
  if (count <= limit) return { workgroups: [Math.max(count, 1), 1, 1], workgroupIndex: 'group.x' }
  const rows = Math.ceil(count / limit)
  const columns = Math.ceil(count / rows)
  return { workgroups: [columns, rows, 1], workgroupIndex: `(group.x + group.y * ${columns}u)` }
}
