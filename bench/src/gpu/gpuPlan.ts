/**
 * How much to measure: a processor that pretends to be a GPU is three to four orders of magnitude slower than a card, so
 * sizes follow the kind of adapter unless they are given.
 */
export interface GpuPlan {
  /** Orders of the square matrices. */
  readonly products: readonly number[]
  /** Bytes of the largest buffer copied. */
  readonly copyBytes: number
  /** Elements of the vectors of element-wise work and reductions. */
  readonly elements: number
  /** Cases of the autoencoder. */
  readonly batches: readonly number[]
  /** Iterations of conjugate gradients per run. */
  readonly iterations: number
  /** Counted rounds. */
  readonly runs: number
  readonly warmUp: number
  /** Kernels of the executable whose host cost is measured. */
  readonly kernels: number
  /** So many milliseconds of work are enqueued before each wait. */
  readonly roundMilliseconds: number
  /** Floating point operations of the micro-kernel. */
  readonly peakFlops: number
}

const hardware: GpuPlan = {
  products: [1024, 2048, 4096, 8192],
  copyBytes: 2 ** 28,
  elements: 2 ** 26,
  batches: [512, 7500],
  iterations: 20,
  runs: 11,
  warmUp: 3,
  kernels: 256,
  roundMilliseconds: 20,
  peakFlops: 2 ** 38,
}

const software: GpuPlan = {
  products: [256, 512],
  copyBytes: 2 ** 24,
  elements: 2 ** 20,
  batches: [32, 128],
  iterations: 4,
  runs: 5,
  warmUp: 1,
  kernels: 256,
  roundMilliseconds: 0,
  peakFlops: 2 ** 28,
}

export interface PlanOptions {
  readonly isSoftware: boolean
  /** The least that still runs every measurement. */
  readonly quick: boolean
  readonly sizes?: readonly number[]
  readonly batches?: readonly number[]
}

/** Sizes that are given win over those of the adapter's kind. */
export function planFor({ isSoftware, quick, sizes, batches }: PlanOptions): GpuPlan {
  const full = isSoftware ? software : hardware
  const plan: GpuPlan = quick
    ? {
        ...full,
        products: isSoftware ? [64] : [1024, 4096],
        elements: isSoftware ? 2 ** 16 : full.elements,
        copyBytes: isSoftware ? 2 ** 20 : full.copyBytes,
        batches: isSoftware ? [4] : [512],
        iterations: isSoftware ? 2 : 10,
        kernels: isSoftware ? 64 : full.kernels,
        peakFlops: isSoftware ? 2 ** 22 : full.peakFlops,
        runs: 3,
        warmUp: 1,
      }
    : full
  return { ...plan, products: sizes ?? plan.products, batches: batches ?? plan.batches }
}
