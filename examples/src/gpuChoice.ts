/**
 * The GPU of the command line: which adapters `--adapter` leaves, and the backend on the best of them. Loaded only where a
 * GPU is asked for, so that everything else starts without it.
 */
import {
  createHardwareGpuBackend,
  createNodeGpuBackend,
  surveyAdapters,
  useSwiftShader,
} from '@hessian-free/gpu-wgsl/node'
import type { AdapterSurvey } from '@hessian-free/gpu-wgsl/node'
import { BackendError } from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'
import type { AdapterName } from './choices.ts'

export interface GpuChoice {
  readonly adapter: AdapterName
  /** Time variants of matrix products after the first step. */
  readonly tune: boolean
}

/** The adapters there are. Where software is wanted and the system has none, SwiftShader is put to its place first. */
export async function offeredAdapters(adapter: AdapterName): Promise<AdapterSurvey> {
  const survey = await surveyAdapters()
  const enough = adapter === 'hardware' || survey.adapters.some(({ software }) => software)
  return enough || !useSwiftShader(import.meta.url) ? survey : surveyAdapters()
}

/** @throws {BackendError} where there is no such adapter: with what is missing. */
export async function createGpu({ adapter, tune }: GpuChoice): Promise<Backend> {
  const options = tune ? { tune } : {}
  if (adapter === 'hardware') return createNodeGpuBackend(options)
  const offered = (await offeredAdapters('software')).adapters.find(({ software }) => software)
  return createNodeGpuBackend({
    ...options,
    allowSoftware: true,
    ...(offered === undefined ? {} : { adapter: offered.name }),
  })
}

/** The backend of a hardware GPU, or undefined where there is none; one that fails says so in one line. */
export async function createGpuIfAny(tune: boolean): Promise<Backend | undefined> {
  try {
    return await createHardwareGpuBackend(tune ? { tune } : {})
  } catch (error) {
    if (!(error instanceof BackendError)) throw error
    process.stderr.write(`There is a GPU, but it cannot be used: ${error.message}\n`)
    return undefined
  }
}
