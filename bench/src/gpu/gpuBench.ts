/** What every measurement of a device is given. */
import type { GpuBackend } from '@hessian-free/gpu-wgsl'
import type { GpuPlan } from './gpuPlan.ts'
import type { GpuRowParts } from './gpuRow.ts'
import type { Card } from './knownCards.ts'

export interface GpuBench {
  readonly backend: GpuBackend
  readonly plan: GpuPlan
  readonly card: Card | undefined
  /** Best rates of the micro-kernels in this run, once they have been measured. */
  readonly measured: MeasuredPeaks
  readonly emit: (parts: GpuRowParts) => void
  /** Does some of the work; if it fails there is a row that says so, and the rest goes on. */
  readonly attempt: (suite: string, name: string, work: () => Promise<void>) => Promise<void>
}

/** FLOP/s and bytes per second. */
export interface MeasuredPeaks {
  readonly flops?: number
  readonly bandwidth?: number
}

/** A group of rows; what it finds out about the device is handed to the groups after it. */
export interface GpuMeasurement {
  readonly name: string
  readonly description: string
  run(bench: GpuBench): Promise<MeasuredPeaks | undefined>
}
