/** Placeholder until the WebAssembly backend lands. */
import type { Backend } from '../backend.ts'
import { BackendError } from '../errors.ts'

export const isWasmSupported = (): boolean => false

export function createWasmBackend(): Backend {
  throw new BackendError({ operation: 'createWasmBackend', rule: 'the backend is not built yet' })
}
