/**
 * Notices that the threads of a backend have failed, a worker that a content security policy forbids, say. The run goes on
 * with one thread, and whoever watches it should know why it became slow.
 */
import type { Backend } from '@hessian-free/tensor'
import { threadUseOf } from '../src/describeBackend.ts'

/** @returns the reason, at the first look that finds a backend with less threads than it began with. */
export function createThreadWatch(): (backend: Backend) => string | undefined {
  let watched: Backend | undefined
  let threads = 1
  return (backend) => {
    const use = threadUseOf(backend)
    if (use === undefined) return undefined
    const failed = watched === backend && use.threads < threads
    watched = backend
    threads = use.threads
    return failed ? use.reason : undefined
  }
}
