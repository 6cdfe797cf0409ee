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
  auto: 'wasm where the engine has SIMD, else reference',
  wasm: 'float32, vector code emitted as WebAssembly',
  reference: 'plain loops; slow, for checking',
} as const
export type BackendName = keyof typeof backends

export function createBackend(name: BackendName): Backend {
  if (name === 'reference') return createReferenceBackend()
  return name === 'wasm' || isWasmSupported() ? createWasmBackend() : createReferenceBackend()
}
