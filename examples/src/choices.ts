/**
 * What can be chosen on the command line. One table serves parsing, `hf list` and the error that lists what is valid.
 */
import { diagonalPreconditioning, lbfgsPreconditioning, noPreconditioning } from '@hessian-free/hf'
import type { Preconditioning } from '@hessian-free/hf'
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

export const preconditioners = {
  lbfgs: "the paper's implicit L-BFGS, from the pairs of the previous run",
  diagonal: "Martens' squared gradients to the power 3/4",
  none: 'plain conjugate gradients',
} as const
export type PreconditionerName = keyof typeof preconditioners

export const samplings = {
  geometric: 'samples grow by a factor per iteration',
  fixed: 'all data for gradients, the largest curvature sample throughout',
} as const
export type SamplingName = keyof typeof samplings

export function createBackend(name: BackendName): Backend {
  if (name === 'reference') return createReferenceBackend()
  return name === 'wasm' || isWasmSupported() ? createWasmBackend() : createReferenceBackend()
}

export function createPreconditioning(name: PreconditionerName, pairs: number): Preconditioning {
  if (name === 'none') return noPreconditioning()
  return name === 'diagonal' ? diagonalPreconditioning() : lbfgsPreconditioning({ pairs })
}
