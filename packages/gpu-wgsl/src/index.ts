/**
 * @hessian-free/gpu-wgsl: the interface of the WebGPU backend. This version holds the interface only, so that
 * trainers and tests can be written against it; `createGpuBackend` says so instead of pretending.
 */
import type { Backend } from '@hessian-free/tensor'
import { BackendError } from '@hessian-free/tensor'

export interface GpuBackendOptions {
  /** The browser's `navigator.gpu`, or the object that Dawn's `create()` returns in Node. */
  readonly gpu?: object
  /** Prefer the adapter with more or with less power. */
  readonly powerPreference?: 'low-power' | 'high-performance'
  /** Time kernel variants once per shape class and adapter, and keep the choice. */
  readonly tune?: boolean
}

/** Whether this build can run programs on a GPU. */
export const isGpuSupported = (): boolean => false

/**
 * A backend over a `GPUDevice`.
 * @throws {BackendError} always, in this version: there is no WGSL code generator yet.
 */
export async function createGpuBackend(_options: GpuBackendOptions = {}): Promise<Backend> {
  throw new BackendError({
    operation: 'createGpuBackend',
    rule: 'this version has no WebGPU backend yet',
    remedy: 'Use createWasmBackend() from @hessian-free/tensor',
  })
}
