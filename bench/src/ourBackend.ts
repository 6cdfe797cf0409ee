/** The backend that suites measure. */
import { createWasmBackend } from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'

/**
 * A backend with that many threads.
 * @throws {RangeError} where the platform has fewer for it: a row must not claim threads that did not run.
 */
export function openBackend(threads: number): Backend {
  const backend = createWasmBackend({ threads })
  const { threads: given, reason } = backend.threadUse
  if (given !== threads)
    throw new RangeError(`${threads} threads were asked for: ${reason ?? 'not available'}`)
  return backend
}

/** One thread, and as many as the backend takes by default. */
export function usualThreads(): number[] {
  const backend = createWasmBackend()
  const { threads } = backend.threadUse
  backend.dispose()
  return [...new Set([1, threads])]
}
