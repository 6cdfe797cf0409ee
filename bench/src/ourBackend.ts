/** The backend that suites measure, with a number of threads. */
import { createWasmBackend } from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'

export const openBackend = (threads: number): Backend => {
  const options: Parameters<typeof createWasmBackend>[0] & { readonly threads: number } = { threads }
  return createWasmBackend(options)
}
