/**
 * How many threads a backend uses: what is asked for, or the physical cores, where threads can share memory at all.
 */
import { ArgumentError } from '../../errors.ts'
import { physicalCores } from './physicalCores.ts'
import { whyNoThreads } from './workerHost.ts'

/** The most threads a wasm backend takes. */
export const mostThreads = 64

export interface ThreadUse {
  readonly threads: number
  /** Why only one thread computes although more were wanted. */
  readonly reason?: string
}

/** @throws {ArgumentError} unless `wanted` is an integer from 1 to 64. */
export function chooseThreads(wanted?: number): ThreadUse {
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= mostThreads)) {
    throw new ArgumentError({
      operation: 'createWasmBackend',
      rule: `threads must be an integer from 1 to ${mostThreads}`,
      found: String(wanted),
      remedy: 'Leave it out for one thread per physical core',
    })
  }
  const threads = wanted ?? Math.min(mostThreads, physicalCores())
  if (threads === 1) return { threads }
  const reason = whyNoThreads()
  return reason === undefined ? { threads } : { threads: 1, reason }
}
