/**
 * One dispatch of an executable, ready to be encoded, with its bind groups by the buffers they bind. Most dispatches
 * bind scratch memory and inputs that never change and have one; the others meet the same few buffers again and again,
 * because the pool hands them out in turn.
 */
import type { Allocation } from '../device/bufferPool.ts'
import { bindingSize } from '../device/bufferPool.ts'
import type { CachedPipeline } from '../device/pipelineCache.ts'
import type { ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import type { StorageRole } from './kernelDispatches.ts'

/** Combinations of buffers that are remembered per dispatch, least recently used forgotten first. */
const capacity = 32

export class PreparedDispatch {
  readonly #pipeline: GPUComputePipeline
  readonly #layout: GPUBindGroupLayout
  readonly #workgroups: readonly [number, number, number]
  readonly #storages: readonly number[]
  readonly #sizes: readonly number[]
  /** Allocation ids of the bind group in use, in the order of bindings. */
  readonly #bound: number[]
  #group: GPUBindGroup | undefined
  readonly #groups = new Map<string, GPUBindGroup>()

  constructor(
    { bindings, workgroups }: ShaderDispatch,
    { pipeline, layout }: CachedPipeline,
    storages: readonly StorageRole[],
  ) {
    this.#pipeline = pipeline
    this.#layout = layout
    this.#workgroups = workgroups
    this.#storages = bindings.map(({ storage }) => storage)
    this.#sizes = this.#storages.map((storage) => bindingSize(storages[storage].bytes))
    this.#bound = this.#storages.map(() => 0)
  }

  /**
   * Finds the bind group for the buffers that the storages are in now.
   * @returns false if there is none yet, and `complete` must make it.
   */
  bind(allocations: readonly Allocation[]): boolean {
    const bound = this.#bound
    let changed = this.#group === undefined
    this.#storages.forEach((storage, i) => {
      const { id } = allocations[storage]
      if (bound[i] === id) return
      bound[i] = id
      changed = true
    })
    if (!changed) return true
    this.#group = this.#groups.get(bound.join(' '))
    if (this.#group !== undefined) this.#remember(this.#group)
    return this.#group !== undefined
  }

  /** After `bind`: makes the bind group if it is missing. */
  complete(device: GPUDevice, allocations: readonly Allocation[]): void {
    if (this.#group !== undefined) return
    this.#group = this.#create(device, allocations)
    this.#remember(this.#group)
  }

  /**
   * After `bind` and `complete`.
   * @param previous pipeline that the pass has set, which is not set again.
   * @returns the pipeline that is set now.
   */
  encode(pass: GPUComputePassEncoder, previous: GPUComputePipeline | undefined): GPUComputePipeline {
    if (this.#pipeline !== previous) pass.setPipeline(this.#pipeline)
    pass.setBindGroup(0, this.#group)
    pass.dispatchWorkgroups(this.#workgroups[0], this.#workgroups[1], this.#workgroups[2])
    return this.#pipeline
  }

  /** As the most recently used. */
  #remember(group: GPUBindGroup): void {
    const key = this.#bound.join(' ')
    this.#groups.delete(key)
    this.#groups.set(key, group)
    if (this.#groups.size <= capacity) return
    const [oldest] = this.#groups.keys()
    this.#groups.delete(oldest)
  }

  #create(device: GPUDevice, allocations: readonly Allocation[]): GPUBindGroup {
    return device.createBindGroup({
      layout: this.#layout,
      entries: this.#storages.map((storage, binding) => ({
        binding,
        resource: { buffer: allocations[storage].buffer, size: this.#sizes[binding] },
      })),
    })
  }
}
