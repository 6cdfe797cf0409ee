import { BackendError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { createDawn } from '../node/dawn.ts'
import { adapterName, isSoftwareAdapter, requestDevice } from './requestDevice.ts'

// Dawn's null backend keeps the books without computing: it runs everywhere.
const gpu = await createDawn({ backend: 'null' })

const information = (more: Partial<GPUAdapterInfo>): GPUAdapterInfo =>
  ({
    vendor: '',
    architecture: '',
    device: '',
    description: '',
    isFallbackAdapter: false,
    ...more,
  }) as GPUAdapterInfo

/** The entry point of WebGPU with this answer. */
const offering = (adapter: GPUAdapter | null): GPU =>
  ({ requestAdapter: async () => adapter }) as unknown as GPU

/** An adapter of the null backend with some of its members replaced. */
async function adapterWith(replaced: Partial<GPUAdapter>): Promise<GPUAdapter> {
  const adapter = (await gpu.requestAdapter())!
  return new Proxy(adapter, {
    get: (target, name) => {
      if (name in replaced) return replaced[name as keyof GPUAdapter]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

describe('requestDevice', () => {
  it('asks for all that the adapter offers of the limits that matter', async () => {
    const adapter = (await gpu.requestAdapter())!
    const { device, capabilities } = await requestDevice(gpu)
    expect(capabilities.maximumBindingBytes).toBe(adapter.limits.maxStorageBufferBindingSize)
    expect(capabilities.maximumWorkgroupBytes).toBe(adapter.limits.maxComputeWorkgroupStorageSize)
    expect(device.limits.maxBufferSize).toBe(adapter.limits.maxBufferSize)
    device.destroy()
  })

  it('counts no more threads than fit along the first axis', async () => {
    const made = await requestDevice(gpu)
    const limits = new Proxy(made.device.limits, {
      get: (target, name) =>
        name === 'maxComputeWorkgroupSizeX' ? 96 : (Reflect.get(target, name, target) as unknown),
    })
    const device = { limits, features: made.device.features } as unknown as GPUDevice
    const adapter = await adapterWith({ requestDevice: async () => device })
    const { capabilities } = await requestDevice(offering(adapter))
    expect(capabilities.maximumWorkgroupInvocations).toBe(96)
    made.device.destroy()
  })

  it('says why where no adapter is offered, only an unwanted one, or one that makes no device', async () => {
    await expect(requestDevice(offering(null))).rejects.toThrow(/must offer an adapter.*found none/s)
    const software = await adapterWith({ info: information({ architecture: 'swiftshader' }) })
    await expect(requestDevice(offering(software), { allowSoftware: false })).rejects.toThrow(
      /must be a hardware GPU.*swiftshader/s,
    )
    const broken = await adapterWith({
      info: information({ device: 'a broken one' }),
      requestDevice: () => Promise.reject(new Error('out of everything')),
    })
    const made = requestDevice(offering(broken))
    await expect(made).rejects.toThrow(BackendError)
    await expect(made).rejects.toThrow(/must make a device.*a broken one: out of everything/s)
  })
})

describe('names of adapters', () => {
  it('hold each part once, and tell processors in disguise', () => {
    expect(adapterName(information({ vendor: 'nvidia', architecture: 'hopper', device: 'nvidia' }))).toBe(
      'nvidia hopper',
    )
    expect(adapterName(information({}))).toBe('unnamed adapter')
    expect(isSoftwareAdapter(information({ description: 'llvmpipe (LLVM 19)' }))).toBe(true)
    expect(isSoftwareAdapter(information({ isFallbackAdapter: true }))).toBe(true)
    expect(isSoftwareAdapter(information({ vendor: 'nvidia', device: 'NVIDIA H100' }))).toBe(false)
  })
})
