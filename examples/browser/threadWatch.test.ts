// Oracle: what a person at the page wants to be told, and how often. A stand-in for a backend whose threads fail.
import { createReferenceBackend, createWasmBackend } from '@hessian-free/tensor'
import type { WasmBackend } from '@hessian-free/tensor'
import { expect, it } from 'vitest'
import { createThreadWatch } from './threadWatch.ts'

it('a watch says once why threads have failed, and nothing of a backend that begins with one', () => {
  const inner = createWasmBackend({ threads: 1 })
  let threadUse: WasmBackend['threadUse'] = { threads: 2, sharedRuns: 0 }
  const failing: WasmBackend = {
    ...inner,
    get threadUse() {
      return threadUse
    },
  }
  const look = createThreadWatch()
  expect(look(failing)).toBeUndefined()
  threadUse = { threads: 1, reason: 'no workers', sharedRuns: 0 }
  expect(look(failing)).toBe('no workers')
  expect(look(failing)).toBeUndefined()
  expect(look(inner)).toBeUndefined()
  expect(look(createReferenceBackend())).toBeUndefined()
  expect(createThreadWatch()(failing)).toBeUndefined()
  inner.dispose()
})
