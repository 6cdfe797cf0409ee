/**
 * What a run computes on and how, in words for the first line of a run and as settings for its log and report.
 */
import type { GpuBackend } from '@hessian-free/gpu-wgsl'
import type { Backend } from '@hessian-free/tensor'
import type { BackendOptions } from './choices.ts'

const isGpu = (backend: Backend): backend is GpuBackend => backend.name === 'gpu'

/** As `wasm backend`, or `gpu backend on` the device in its driver's words. */
export const describeBackend = (backend: Backend): string =>
  isGpu(backend) ? `gpu backend on ${backend.capabilities.adapterName}` : `${backend.name} backend`

/** What else is worth knowing about the backend besides its name. */
export function backendSettings(
  backend: Backend,
  { deterministic = false }: BackendOptions,
): Readonly<Record<string, string | number>> {
  if (isGpu(backend)) return { device: backend.capabilities.adapterName }
  return backend.name === 'wasm' ? { deterministic: deterministic ? 'yes' : 'no' } : {}
}
