/**
 * The GPU backend in Node: Dawn, an adapter of the wanted kind, and the backend over it, or an error that says exactly
 * what is missing. The clamping of indices in shaders is off, because every program is checked and bounded before it gets
 * here; tests run with it on.
 */
import { tmpdir } from 'node:os'
import { BackendError } from '@hessian-free/tensor'
import { isSoftwareAdapter } from '../device/requestDevice.ts'
import { createGpuBackend } from '../gpuBackend.ts'
import type { GpuBackend, GpuBackendOptions } from '../gpuBackend.ts'
import { surveyAdapters } from './adapters.ts'
import { createDawn } from './dawn.ts'
import type { DawnOptions } from './dawn.ts'
import { diagnose } from './diagnosis.ts'
import { fileTuningCache } from './fileTuningCache.ts'
import { formatFindings } from './finding.ts'
import { thisMachine } from './machine.ts'
import { mayOfferAdapter } from './vulkanInstallation.ts'

export interface NodeGpuBackendOptions extends Omit<GpuBackendOptions, 'gpu'> {
  /** Take only a device with this in its name (`surveyAdapters`, `hf devices`). */
  readonly adapter?: string
  /** Take an adapter that is a processor in disguise; default false. */
  readonly allowSoftware?: boolean
  /** Leave out the clamping of indices and other guards in shaders; default true. */
  readonly unchecked?: boolean
}

/**
 * @throws {BackendError} where Dawn cannot be loaded or offers no adapter of the wanted kind, with the diagnosis.
 */
export async function createNodeGpuBackend({
  adapter,
  unchecked = true,
  allowSoftware = false,
  ...options
}: NodeGpuBackendOptions = {}): Promise<GpuBackend> {
  // Dawn prints why it finds nothing; where files tell that it will not, a child process asks it instead.
  if (!mayOfferAdapter(thisMachine, allowSoftware)) await requireAdapter(allowSoftware)
  const gpu = await openDawn({ unchecked, ...(adapter === undefined ? {} : { adapter }) }, allowSoftware)
  const { powerPreference = 'high-performance' } = options
  const offered = await gpu.requestAdapter({ powerPreference }).catch((cause: unknown) => {
    // Dawn's message lists the names that there are.
    throw new BackendError({
      operation: 'createNodeGpuBackend',
      rule: 'the adapter must be one that Dawn offers',
      found: `${adapter ?? 'none'}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    })
  })
  if (offered === null || (!allowSoftware && isSoftwareAdapter(offered.info))) {
    await requireAdapter(allowSoftware)
  }
  return createGpuBackend({ gpu, allowSoftware, tuningCache: fileTuningCache(), ...options })
}

/**
 * The backend of a hardware GPU, or undefined where there is none: then it prints nothing and takes some milliseconds
 * where files tell already, a fifth of a second where Dawn has to be asked.
 */
export async function createHardwareGpuBackend(
  options: Omit<NodeGpuBackendOptions, 'allowSoftware'> = {},
): Promise<GpuBackend | undefined> {
  if (!mayOfferAdapter(thisMachine, false)) return undefined
  const { adapters } = await surveyAdapters()
  if (adapters.every(({ software }) => software)) return undefined
  return createNodeGpuBackend({ ...options, allowSoftware: false })
}

/** @throws {BackendError} with the diagnosis, unless the machine offers an adapter of the wanted kind. */
async function requireAdapter(allowSoftware: boolean, cause?: unknown): Promise<void> {
  const findings = diagnose({ machine: thisMachine, survey: await surveyAdapters(), allowSoftware })
  if (findings.length === 0) return
  throw new BackendError({
    operation: 'createNodeGpuBackend',
    rule: allowSoftware ? 'Dawn must offer an adapter' : 'Dawn must offer a hardware GPU',
    found: 'none',
    remedy: `What is missing:\n${formatFindings(findings)}\nThe wasm backend needs none of this.`,
    cause,
  })
}

/** @throws {BackendError} with the diagnosis, where Dawn cannot be loaded. */
async function openDawn(options: DawnOptions, allowSoftware: boolean): Promise<GPU> {
  // Mesa complains on every start where it is not set, as on servers and in containers; any folder will do.
  process.env['XDG_RUNTIME_DIR'] ??= tmpdir()
  try {
    return await createDawn(options)
  } catch (cause) {
    await requireAdapter(allowSoftware, cause)
    throw cause
  }
}
