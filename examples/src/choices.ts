/**
 * Examples and backends of the command line. One table serves parsing, `hf list` and the error that lists what is valid;
 * choices about the optimiser, which a page in a browser offers as well, are in optimiserChoices.ts.
 */
import { createReferenceBackend, createWasmBackend, isWasmSupported } from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'
import type { Example } from './examples/example.ts'
import { mnistAutoencoder } from './examples/mnistAutoencoder.ts'
import { mnistClassifier } from './examples/mnistClassifier.ts'

export const examples: readonly Example[] = [mnistAutoencoder, mnistClassifier]

export const backends = {
  auto: 'gpu on a hardware GPU, else wasm where the engine has SIMD, else reference',
  gpu: 'float32, WebGPU through Dawn; hf devices shows the adapters',
  wasm: 'float32, vector code emitted as WebAssembly, on one thread for each core',
  reference: 'plain loops; slow, for checking',
} as const
export type BackendName = keyof typeof backends

/** What the gpu backend may compute on. */
export const adapters = {
  hardware: 'a GPU',
  software:
    'a processor that pretends to be one, for tests: a driver of the system, else SwiftShader from npm',
} as const
export type AdapterName = keyof typeof adapters

export interface BackendOptions {
  /** For the gpu backend; default hardware. */
  readonly adapter?: AdapterName
  /** Time variants of matrix products on the GPU after the first step. */
  readonly tune?: boolean
  /** For the wasm backend; default one for each physical core. */
  readonly threads?: number
  /** For the wasm backend: multiply and add with two roundings, the same bits on every machine. */
  readonly deterministic?: boolean
}

/** @throws {BackendError} for 'gpu' where there is none of the wanted kind: with what is missing. */
export async function createBackend(
  name: BackendName,
  { adapter = 'hardware', tune = false, threads, deterministic = false }: BackendOptions = {},
): Promise<Backend> {
  if (name === 'reference') return createReferenceBackend()
  const createWasm = (): Backend =>
    createWasmBackend({ deterministic, ...(threads === undefined ? {} : { threads }) })
  if (name === 'wasm') return createWasm()
  const { createGpu, createGpuIfAny } = await import('./gpuChoice.ts')
  if (name === 'gpu') return createGpu({ adapter, tune })
  const gpu = await createGpuIfAny(tune)
  return gpu ?? (isWasmSupported() ? createWasm() : createReferenceBackend())
}
