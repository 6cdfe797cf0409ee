// Oracle: what each wish means, over stand-ins for the entry points that browsers have; the real ones are in page.test.ts.
import { BackendError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { chooseBackend } from './chooseBackend.ts'

const gpuWith = (adapter: { readonly info: Partial<GPUAdapterInfo> } | null): GPU =>
  ({ requestAdapter: async () => adapter }) as unknown as GPU
const withoutAdapter = gpuWith(null)
const emulated = gpuWith({
  info: {
    vendor: 'google',
    architecture: 'swiftshader',
    device: '',
    description: '',
    isFallbackAdapter: true,
  },
})

describe('the automatic choice', () => {
  it.each([
    ['without WebGPU', undefined, /^This browser does not offer WebGPU, so training runs in WebAssembly/],
    ['without an adapter', withoutAdapter, /^This browser has WebGPU, but found no graphics adapter/],
    ['with an emulated GPU', emulated, /^WebGPU is only emulated on the processor here, so/],
  ])('is WebAssembly %s, and says so', async (_, gpu, notice) => {
    const chosen = await chooseBackend({ backend: 'auto' }, gpu)
    expect(chosen.backend.name).toBe('wasm')
    expect(chosen.notice).toMatch(notice)
    chosen.backend.dispose()
  })

  it('is WebAssembly where an adapter promises what its device does not keep', async () => {
    const info = { vendor: 'acme', architecture: '', device: '', description: '', isFallbackAdapter: false }
    const chosen = await chooseBackend({ backend: 'auto' }, {
      requestAdapter: async () => ({
        ...{ info, features: new Set(), limits: {} },
        requestDevice: async () => {
          throw new BackendError({ operation: 'requestDevice', rule: 'out of patience' })
        },
      }),
    } as unknown as GPU)
    expect(chosen.backend.name).toBe('wasm')
    expect(chosen.notice).toMatch(/WebGPU failed \(.*out of patience.*\), so training runs in WebAssembly/)
    chosen.backend.dispose()
  })
})

describe('a choice that insists', () => {
  it.each([
    ['without WebGPU', undefined, /does not offer WebGPU\. Open the page in a current Chrome/],
    ['without an adapter', withoutAdapter, /no graphics adapter for it\. Turn on hardware acceleration/],
  ])('on WebGPU fails %s, with the remedy', async (_, gpu, message) => {
    const choice = chooseBackend({ backend: 'gpu' }, gpu)
    await expect(choice).rejects.toThrow(BackendError)
    await expect(choice).rejects.toThrow(message)
  })

  it('on WebAssembly asks nothing and has nothing to explain', async () => {
    const chosen = await chooseBackend({ backend: 'wasm', threads: 3 }, undefined)
    expect(chosen.backend.name).toBe('wasm')
    expect(chosen.description).toBe('WebAssembly on 3 threads')
    expect(chosen).not.toHaveProperty('notice')
    chosen.backend.dispose()
  })
})
