/**
 * The backend that new tensors go to when none is named: the WebAssembly one where the engine has SIMD, else
 * the reference backend. It is made on first use.
 */
import type { Backend } from './backend.ts'
import { createReferenceBackend } from './reference/referenceBackend.ts'
import { createWasmBackend, isWasmSupported } from './wasm/wasmBackend.ts'

let current: Backend | undefined

const createDefault = (): Backend => (isWasmSupported() ? createWasmBackend() : createReferenceBackend())

/** The default backend, created on first use. */
export function defaultBackend(): Backend {
  current ??= createDefault()
  return current
}

/** Makes `backend` the default; returns the previous one, or undefined if none had been made yet. */
export function setDefaultBackend(backend: Backend | undefined): Backend | undefined {
  const previous = current
  current = backend
  return previous
}

/** Runs `body` with another default backend and restores the previous one, also when it throws. */
export function withDefaultBackend<T>(backend: Backend, body: () => T): T {
  const previous = setDefaultBackend(backend)
  try {
    return body()
  } finally {
    setDefaultBackend(previous)
  }
}
