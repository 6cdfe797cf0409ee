/**
 * The WebGPU backend: the standard `GPUDevice`, whether it comes from Dawn in Node or from a browser. Programs run as
 * generated WGSL in the order they are enqueued; nothing waits for the device but `read`, `readTogether` and
 * `synchronize`.
 */
import { BackendError } from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'
import type { DeviceCapabilities } from './device/deviceCapabilities.ts'
import { GpuConnection } from './device/gpuConnection.ts'
import { GpuMemory } from './device/gpuMemory.ts'
import { PipelineCache } from './device/pipelineCache.ts'
import { Readback } from './device/readback.ts'
import { requestDevice } from './device/requestDevice.ts'
import type { DeviceRequest, RequestedDevice } from './device/requestDevice.ts'
import { ScratchPools } from './device/scratchPools.ts'
import { compileForGpu } from './program/gpuExecutable.ts'
import { indexedDbTuningCache } from './tuning/indexedDbTuningCache.ts'
import { ProductTuning } from './tuning/productTuning.ts'
import type { TuningCache } from './tuning/tuningCache.ts'
import { memoryTuningCache } from './tuning/tuningCache.ts'
import { unsupportedDtype } from './wgsl/kernelBindings.ts'
import { generateKernel } from './wgsl/kernelGenerators.ts'

export interface TuningChoice {
  /**
   * Time variants of every new class of matrix products when `synchronize` is called, and go on with the fastest;
   * default false: heuristics choose.
   */
  readonly tune?: boolean
  /** Where measured choices are kept; default IndexedDB in browsers, else memory (in Node a file, see `/node`). */
  readonly tuningCache?: TuningCache
}

export interface GpuBackendOptions extends DeviceRequest, TuningChoice {
  /** The browser's `navigator.gpu`, or in Node what `createDawn()` of `@hessian-free/gpu-wgsl/node` returns. */
  readonly gpu: GPU
}

export interface GpuBackend extends Backend {
  readonly capabilities: DeviceCapabilities
  /** For what this package does not do; destroying it is how tests lose a device. */
  readonly device: GPUDevice
  /** How often the host has waited for the device so far. */
  readonly waits: number
  readTogether: NonNullable<Backend['readTogether']>
}

/** Heuristic: one upload is written in pieces of this size, so that its staging memory stays small. */
const uploadPiece = 2 ** 25

/**
 * A backend on a new device.
 * @throws {BackendError} where WebGPU offers no adapter that fits.
 */
export async function createGpuBackend({
  gpu,
  tune = false,
  tuningCache,
  ...request
}: GpuBackendOptions): Promise<GpuBackend> {
  const cache =
    tuningCache ?? (typeof indexedDB === 'undefined' ? memoryTuningCache() : indexedDbTuningCache())
  return gpuBackendOn(await requestDevice(gpu, request), { tune, tuningCache: cache })
}

/** A backend on a device of the caller's. */
export function gpuBackendOn(
  requested: RequestedDevice,
  { tune = false, tuningCache = memoryTuningCache() }: TuningChoice = {},
): GpuBackend {
  const connection = new GpuConnection(requested)
  const memory = new GpuMemory(connection)
  const readback = new Readback(connection, memory)
  const scratch = new ScratchPools(memory.pool)
  const { device, capabilities } = requested
  const tuning = tune ? new ProductTuning(device, capabilities, tuningCache) : undefined
  const context = {
    connection,
    memory,
    pipelines: new PipelineCache(connection),
    scratch,
    generate: tuning?.generate ?? generateKernel,
    generation: () => tuning?.generation ?? 0,
  }
  let disposed = false

  return {
    name: 'gpu',
    capabilities,
    device,
    get waits() {
      return readback.waits
    },
    supports: (dtype) => dtype !== 'float64',
    flushesSubnormals: true,
    tolerance: (dtype) => (dtype === 'float32' ? 2 ** -23 : 0),
    upload: ({ data, shape, dtype }) => {
      connection.requireUsable('upload')
      if (dtype === 'float64') throw unsupportedDtype('upload', dtype)
      connection.ledger.begin()
      const buffer = memory.create('upload', { shape: [...shape], dtype })
      const { buffer: target } = memory.locate('upload', buffer)
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      connection.guarded('validation', refusedUpload, () => {
        for (let start = 0; start < bytes.length; start += uploadPiece) {
          device.queue.writeBuffer(target, start, unshared(bytes.subarray(start, start + uploadPiece)))
        }
      })
      return buffer
    },
    read: async (buffer) => (await readback.read([buffer]))[0],
    readTogether: (buffers) => readback.read(buffers),
    // A finaliser may release a tensor after its backend is gone.
    release: (buffer) => {
      if (!disposed) memory.release('release', buffer)
    },
    compile: (program, options = {}) => {
      connection.requireUsable(`compile ${program.name}`)
      return compileForGpu(program, options, context)
    },
    synchronize: async () => {
      await readback.synchronize()
      if (tuning === undefined) return
      await tuning.measure()
      connection.requireUsable('synchronize')
    },
    memory: () => memory.statistics(scratch.bytes),
    dispose: () => {
      if (disposed) return
      disposed = true
      readback.dispose()
      memory.pool.trim()
      connection.dispose()
    },
  }
}

/** Memory that threads share is copied: Dawn's Node binding crashes on it. */
const unshared = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice()

const refusedUpload = (message: string): BackendError =>
  new BackendError({ operation: 'upload', rule: 'the device must accept the data', found: message })
