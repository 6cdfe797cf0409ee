import { BackendError } from '@hessian-free/tensor'
import { expect, it } from 'vitest'
import { createGpuBackend, isGpuSupported } from './index.ts'

it('says that it cannot run and what to use instead, rather than returning a backend that does nothing', async () => {
  expect(isGpuSupported()).toBe(false)
  await expect(createGpuBackend()).rejects.toThrow(BackendError)
  await expect(createGpuBackend()).rejects.toThrow(/createWasmBackend/)
})
