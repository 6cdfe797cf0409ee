import { expect, it } from 'vitest'
import { openBackend, usualThreads } from './ourBackend.ts'

it('opens backends with every usual number of threads, one among them', () => {
  expect(usualThreads()[0]).toBe(1)
  for (const threads of usualThreads()) openBackend(threads).dispose()
})
