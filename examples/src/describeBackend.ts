/**
 * What a run computes on and how, in words for the first line of a run and as settings for its log and report.
 */
import type { GpuBackend } from '@hessian-free/gpu-wgsl'
import type { Backend, ThreadUse, WasmBackend } from '@hessian-free/tensor'
import type { BackendOptions } from './choices.ts'

const isGpu = (backend: Backend): backend is GpuBackend => backend.name === 'gpu'
const isWasm = (backend: Backend): backend is WasmBackend => backend.name === 'wasm'

/** How many threads compute at present, and how often they did together; undefined where threads are none of our business. */
export const threadUseOf = (backend: Backend): WasmBackend['threadUse'] | undefined =>
  isWasm(backend) ? backend.threadUse : undefined

/** As `2 threads`. */
export const describeThreads = ({ threads }: ThreadUse): string =>
  `${threads} ${threads === 1 ? 'thread' : 'threads'}`

/** As `wasm backend, 2 threads`, or `gpu backend on` the device in its driver's words. */
export function describeBackend(backend: Backend): string {
  if (isGpu(backend)) return `gpu backend on ${backend.capabilities.adapterName}`
  const use = threadUseOf(backend)
  if (use === undefined) return `${backend.name} backend`
  const reason = use.reason === undefined ? '' : ` (${use.reason})`
  return `${backend.name} backend, ${describeThreads(use)}${reason}`
}

/** What else is worth knowing about the backend besides its name. */
export function backendSettings(
  backend: Backend,
  { deterministic = false }: BackendOptions,
): Readonly<Record<string, string | number>> {
  if (isGpu(backend)) return { device: backend.capabilities.adapterName }
  const use = threadUseOf(backend)
  if (use === undefined) return {}
  return {
    threads: use.threads,
    ...(use.reason === undefined ? {} : { 'one thread because': use.reason }),
    deterministic: deterministic ? 'yes' : 'no',
  }
}
