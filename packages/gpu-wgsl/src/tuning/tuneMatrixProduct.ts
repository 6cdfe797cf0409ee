/**
 * The fastest variant of a matrix product on a device: from the cache where one of its class of shapes was measured
 * before on this adapter, else by timing the candidates.
 */
import type { DotKernel } from '@hessian-free/tensor'
import { readsOfKernel, writesOfKernel } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { candidateVariants } from '../matrix/candidateVariants.ts'
import { chooseVariant } from '../matrix/chooseVariant.ts'
import { dotKernelWith } from '../matrix/dotKernel.ts'
import type { MatrixVariant } from '../matrix/matrixVariant.ts'
import { fitsDevice, parseVariant, variantKey } from '../matrix/matrixVariant.ts'
import { shapeClass } from '../matrix/shapeClass.ts'
import type { KernelContext, StorageIndex } from '../wgsl/shaderDispatch.ts'
import type { TimedCandidate, TimingOptions } from './timeDispatches.ts'
import { timeDispatches } from './timeDispatches.ts'
import type { TuningCache } from './tuningCache.ts'
import { tuningKey } from './tuningCache.ts'

export interface MatrixTuning {
  readonly device: GPUDevice
  readonly capabilities: DeviceCapabilities
  readonly cache: TuningCache
  /** What the buffers of the kernel are, and which of them share a storage. */
  readonly context: Pick<KernelContext, 'specification' | 'storageOf'>
  readonly timing?: TimingOptions
}

/**
 * A variant for the kernel. Where no candidate can be timed (a device that is lost or out of memory) it is the
 * heuristic's, and nothing is cached.
 */
export async function tuneMatrixProduct(kernel: DotKernel, tuning: MatrixTuning): Promise<MatrixVariant> {
  const { device, capabilities, cache, timing } = tuning
  const { adapterName } = capabilities
  const key = tuningKey({ adapterName, operation: 'matrixProduct', shapeClass: shapeClass(kernel) })
  const known = await knownVariant(cache, key, capabilities)
  if (known !== undefined) return known

  const variants = candidateVariants(kernel, capabilities)
  const { seconds } = await timeDispatches(
    variants.map((variant) => candidate(kernel, variant, tuning)),
    device,
    timing,
  )
  const fastest = Math.min(...seconds.map((value) => value ?? Infinity))
  if (fastest === Infinity) return chooseVariant(kernel, capabilities)
  const variant = variants[seconds.indexOf(fastest)]
  await cache.set(key, variantKey(variant))
  return variant
}

/** One of the same adapter may still not fit: browsers offer less of it than Dawn. */
async function knownVariant(
  cache: TuningCache,
  key: string,
  capabilities: DeviceCapabilities,
): Promise<MatrixVariant | undefined> {
  const text = await cache.get(key)
  if (text === undefined) return undefined
  try {
    const variant = parseVariant(text)
    return fitsDevice(variant, capabilities) ? variant : undefined
  } catch {
    // Written by another version: it is measured again and overwritten.
    return undefined
  }
}

/** Beyond the buffers of any kernel program. */
const firstWorkspace = 2 ** 30

/** The dispatches of a variant, and the sizes of the storages that they bind. */
function candidate(
  kernel: DotKernel,
  variant: MatrixVariant,
  { capabilities, context }: MatrixTuning,
): TimedCandidate {
  const workspaces: ReturnType<KernelContext['specification']>[] = []
  const storages = new Map<StorageIndex, number>()
  const note = (storage: StorageIndex, elements: number): void => {
    storages.set(storage, Math.max(storages.get(storage) ?? 0, 4 * elements))
  }
  const dispatches = dotKernelWith(variant)(kernel, {
    device: capabilities,
    specification: (buffer) => workspaces[buffer - firstWorkspace] ?? context.specification(buffer),
    storageOf: (buffer) => (buffer >= firstWorkspace ? buffer : context.storageOf(buffer)),
    workspace: (dtype, elements) => {
      workspaces.push({ dtype, elements })
      const buffer = firstWorkspace + workspaces.length - 1
      note(buffer, elements)
      return buffer
    },
  })
  for (const buffer of buffersOf(kernel)) {
    note(context.storageOf(buffer), context.specification(buffer).elements)
  }
  return { dispatches, storages }
}

const buffersOf = (kernel: DotKernel): number[] =>
  [...readsOfKernel(kernel), ...writesOfKernel(kernel)].map(({ buffer }) => buffer)
