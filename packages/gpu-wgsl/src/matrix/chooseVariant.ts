/**
 * Which variant of a product to take without measuring: heuristics.
 */
import type { DotKernel } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type { MatrixVariant } from './matrixVariant.ts'

/** The default variant for a product on a device. */
export function chooseVariant({ columns }: DotKernel, { isSoftware }: DeviceCapabilities): MatrixVariant {
  return {
    kind: 'direct',
    threadRows: 4,
    threadColumns: columns < 4 ? columns : 8,
    groupRows: isSoftware ? 1 : 8,
    groupColumns: isSoftware ? 8 : 8,
    unroll: 4,
    splits: 1,
  }
}
