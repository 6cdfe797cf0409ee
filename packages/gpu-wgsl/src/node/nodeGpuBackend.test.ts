/** The backend in Node on SwiftShader, and the errors that carry what is missing. */
import { BackendError, multiply } from '@hessian-free/tensor'
import { arbitraryValues, traceBody } from '@hessian-free/tensor/testing'
import { describe, expect, it } from 'vitest'
import { dawnEntry } from './dawn.ts'
import { createHardwareGpuBackend, createNodeGpuBackend } from './nodeGpuBackend.ts'
import { useSwiftShader } from './swiftShader.ts'

const swiftShader = dawnEntry() !== undefined && useSwiftShader(import.meta.url)

/** What a promise is rejected with. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe.runIf(swiftShader)('on SwiftShader (needs Linux on x64 with webgpu and @sparticuz/chromium)', () => {
  it.each([true, false])(
    'a backend carries data to the adapter and back, unchecked: %s',
    async (unchecked) => {
      const backend = await createNodeGpuBackend({ allowSoftware: true, unchecked })
      expect(backend.capabilities.isSoftware).toBe(true)
      const buffer = backend.upload({ data: Float32Array.of(1.5, -2), shape: [2], dtype: 'float32' })
      expect(await backend.read(buffer)).toEqual(Float32Array.of(1.5, -2))
      backend.dispose()
    },
  )

  it('a shader that does not compile is a typed error with the text of the program, in the default mode too', async () => {
    const backend = await createNodeGpuBackend({ allowSoftware: true })
    const { device } = backend
    const original = device.createShaderModule.bind(device)
    Object.defineProperty(device, 'createShaderModule', {
      value: ({ code }: GPUShaderModuleDescriptor) => original({ code: `${code}\nnonsense` }),
    })
    const array = arbitraryValues([100], 'float32', 1)
    const executable = backend.compile(traceBody([array], (x) => multiply(x, 2)))
    const input = backend.upload(array)
    const error = await rejection(backend.read(executable.run([input])[0]))
    expect(error).toBeInstanceOf(BackendError)
    expect((error as BackendError).message).toMatch(/must compile[^]*nonsense[^]*in the program[^]*multiply/)
    expect(() => executable.run([input])).toThrow(BackendError)
    backend.dispose()
  })

  it('takes the adapter that is named, and lists the names for one that is not there', async () => {
    const backend = await createNodeGpuBackend({ allowSoftware: true, adapter: 'Subzero' })
    expect(backend.capabilities.adapterName).toMatch(/swiftshader/i)
    backend.dispose()
    const error = await rejection(createNodeGpuBackend({ allowSoftware: true, adapter: 'GeForce' }))
    expect(error).toBeInstanceOf(BackendError)
    expect((error as BackendError).message).toMatch(/found GeForce: [^]*SwiftShader Device/)
  })

  it('is refused where a hardware GPU is wanted, with the diagnosis', async () => {
    const error = await rejection(createNodeGpuBackend())
    expect(error).toBeInstanceOf(BackendError)
    expect((error as BackendError).message).toMatch(/hardware GPU; found none[^]*Only software adapters/)
  })

  it('is no hardware GPU, which is quietly said by undefined', async () => {
    expect(await createHardwareGpuBackend()).toBeUndefined()
  })
})
