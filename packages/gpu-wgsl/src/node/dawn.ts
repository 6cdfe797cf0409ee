/**
 * Dawn, Chromium's WebGPU, in Node: the npm package `webgpu`, an optional dependency.
 *
 * The object that `create()` returns must outlive every device: Dawn's event loop keeps a raw pointer to it, and a
 * collected one is a crash. So there is one per set of options, kept in a module-level map for the life of the process.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { BackendError } from '@hessian-free/tensor'

export interface DawnOptions {
  /** 'vulkan' (default on Linux), 'metal', 'd3d12', or 'null': no device, but every shader is compiled and checked. */
  readonly backend?: string
  /** Skip the clamping of indices and other guards in shaders: for measured speed, after tests have passed with them. */
  readonly unchecked?: boolean
  /** Offer only devices with this in their name; `surveyAdapters` tells the names. */
  readonly adapter?: string
}

/** What the package `webgpu` exports. */
interface DawnModule {
  readonly create: (flags: string[]) => GPU
  readonly globals: object
}

const created = new Map<string, GPU>()

const enabledAlways = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia']
/** Not `skip_validation`, which saves a tenth of the host's time: a shader that does not compile would end the process. */
const enabledUnchecked = [
  'disable_robustness',
  'disable_workgroup_init',
  'disable_polyfills_on_integer_div_and_mod',
]
const disabledAlways = ['lazy_clear_resource_on_first_use', 'timestamp_quantization']

/** Options for `create()`. Dawn ignores a toggle that it does not know. */
export function dawnFlags({ backend, adapter, unchecked = false }: DawnOptions): string[] {
  return [
    ...(backend === undefined ? [] : [`backend=${backend}`]),
    ...(adapter === undefined ? [] : [`adapter=${adapter}`]),
    `enable-dawn-features=${[...enabledAlways, ...(unchecked ? enabledUnchecked : [])].join(',')}`,
    `disable-dawn-features=${disabledAlways.join(',')}`,
  ]
}

/**
 * The entry point of WebGPU in Node. The standard's constants (`GPUBufferUsage`, …) become globals, as in browsers.
 * @throws {BackendError} where the package is not installed or has no binary for this platform.
 */
export async function createDawn(options: DawnOptions = {}): Promise<GPU> {
  const flags = dawnFlags(options)
  const key = flags.join(' ')
  const known = created.get(key)
  if (known !== undefined) return known
  const dawn = await loadDawn()
  Object.assign(globalThis, dawn.globals)
  const gpu = dawn.create(flags)
  created.set(key, gpu)
  return gpu
}

/** URL of the module of the package `webgpu`, or undefined where it is not installed. */
export function dawnEntry(): string | undefined {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve('webgpu')).href
  } catch {
    return undefined
  }
}

async function loadDawn(): Promise<DawnModule> {
  try {
    return (await import(dawnEntry() ?? 'webgpu')) as DawnModule
  } catch (cause) {
    throw new BackendError({
      operation: 'createDawn',
      rule: 'the package webgpu (Dawn) must be installed, with a binary for this platform',
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'Install it beside @hessian-free/gpu-wgsl: npm install webgpu',
      cause,
    })
  }
}
