/**
 * Measured variants of matrix products in a backend. Compiling cannot wait, so a product whose class was not measured yet
 * gets the heuristic's variant and is noted; `measure`, which `synchronize` calls, times what was noted and raises the
 * generation, whereupon executables make their dispatches again at their next run.
 *
 * Results may therefore change by rounding at a `synchronize` that measured, and at no other time.
 */
import type { Kernel } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { dotKernelWith } from '../matrix/dotKernel.ts'
import type { MatrixVariant } from '../matrix/matrixVariant.ts'
import { shapeClass } from '../matrix/shapeClass.ts'
import type { GenerateKernel } from '../program/kernelDispatches.ts'
import { generateKernel } from '../wgsl/kernelGenerators.ts'
import type { KernelContext } from '../wgsl/shaderDispatch.ts'
import type { TimingOptions } from './timeDispatches.ts'
import { tuneMatrixProduct } from './tuneMatrixProduct.ts'
import type { TuningCache } from './tuningCache.ts'

type DotKernel = Extract<Kernel, { readonly kind: 'dot' }>

interface Noted {
  readonly kernel: DotKernel
  readonly context: KernelContext
}

export class ProductTuning {
  readonly #device: GPUDevice
  readonly #capabilities: DeviceCapabilities
  readonly #cache: TuningCache
  readonly #timing: TimingOptions
  readonly #variants = new Map<string, MatrixVariant>()
  readonly #noted = new Map<string, Noted>()
  #generation = 0
  #measuring: Promise<void> | undefined

  constructor(
    device: GPUDevice,
    capabilities: DeviceCapabilities,
    cache: TuningCache,
    timing: TimingOptions = {},
  ) {
    this.#device = device
    this.#capabilities = capabilities
    this.#cache = cache
    this.#timing = timing
  }

  /** Changes when kernels would be made differently. */
  get generation(): number {
    return this.#generation
  }

  /** The variants in use, by class of shapes. */
  get variants(): ReadonlyMap<string, MatrixVariant> {
    return this.#variants
  }

  readonly generate: GenerateKernel = (kernel, context) => {
    if (kernel.kind !== 'dot') return generateKernel(kernel, context)
    const name = shapeClass(kernel)
    const variant = this.#variants.get(name)
    if (variant !== undefined) return dotKernelWith(variant)(kernel, context)
    this.#noted.set(name, { kernel, context })
    return generateKernel(kernel, context)
  }

  /** Measures what was noted since the last call, each class once; a call during another one waits for that. */
  measure(): Promise<void> {
    this.#measuring ??= this.#measureNoted().finally(() => {
      this.#measuring = undefined
    })
    return this.#measuring
  }

  async #measureNoted(): Promise<void> {
    for (const [name, { kernel, context }] of [...this.#noted]) {
      const variant = await tuneMatrixProduct(kernel, {
        device: this.#device,
        capabilities: this.#capabilities,
        cache: this.#cache,
        context,
        timing: this.#timing,
      })
      this.#noted.delete(name)
      this.#variants.set(name, variant)
      this.#generation++
    }
  }
}
