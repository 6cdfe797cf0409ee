import { afterAll, describe, expect, it } from 'vitest'
import { DeviceLostError, dot, tanh } from '@hessian-free/tensor'
import type { DeviceBuffer } from '@hessian-free/tensor'
import { arbitraryValues, runProgram, traceBody } from '@hessian-free/tensor/testing'
import type { GpuBackend } from '../gpuBackend.ts'
import { gpuBackendOn } from '../gpuBackend.ts'
import { testDevice } from '../node/softwareDevice.ts'
import type { TuningCache } from './tuningCache.ts'

const requested = await testDevice()
const backends: GpuBackend[] = []
afterAll(() => {
  for (const backend of backends) backend.dispose()
})

/** A cache that knows one answer to every question, and counts the questions. */
function answering(variant: string): TuningCache & { asked: number } {
  const cache = {
    asked: 0,
    get: async () => {
      cache.asked++
      return variant
    },
    set: async () => undefined,
  }
  return cache
}

async function tunedBackend(tuningCache: TuningCache): Promise<GpuBackend> {
  const backend = gpuBackendOn((await testDevice())!, { tune: true, tuningCache })
  backends.push(backend)
  return backend
}

const inputs = [arbitraryValues([20, 30], 'float32', 1), arbitraryValues([30, 17], 'float32', 2)]
const program = traceBody(inputs, (a, b) => tanh(dot(a, b)))

describe.skipIf(requested === undefined)('tuning (skipped where no software Vulkan is offered)', () => {
  it('asks for each class once, at a synchronize, and executables go on with the variant found', async () => {
    const cache = answering('vector 2x3 t16 /2')
    const backend = await tunedBackend(cache)
    const executable = backend.compile(program)
    const buffers = inputs.map((array) => backend.upload(array))
    const run = (): DeviceBuffer => executable.run(buffers)[0]
    const before = run()
    expect(cache.asked).toBe(0)
    await backend.synchronize()
    expect(cache.asked).toBe(1)
    const after = run()
    await backend.synchronize()
    expect(cache.asked).toBe(1)
    const [first, second] = await backend.readTogether([before, after])
    expect(second).not.toEqual(first)
    second.forEach((value: number, i: number) => {
      expect(Math.abs(value - first[i])).toBeLessThan(1e-5)
    })
  })

  it('measures a class once where two synchronize at the same time', async () => {
    const cache = answering('vector 2x3 t16 /2')
    const backend = await tunedBackend(cache)
    await runProgram(backend, program, inputs)
    await Promise.all([backend.synchronize(), backend.synchronize()])
    expect(cache.asked).toBe(1)
  })

  it('is lost with the device: synchronize says so', async () => {
    const backend = await tunedBackend({
      get: async () => {
        backend.device.destroy()
        await backend.device.lost
        return undefined
      },
      set: async () => undefined,
    })
    await runProgram(backend, program, inputs)
    await expect(backend.synchronize()).rejects.toThrow(DeviceLostError)
  })

  it('keeps scratch memory flat although dispatches are made again', async () => {
    const backend = await tunedBackend(answering('vector 1x1 t16 /3'))
    await runProgram(backend, program, inputs)
    await backend.synchronize()
    const executable = backend.compile(program)
    const buffers = inputs.map((array) => backend.upload(array))
    backend.release(executable.run(buffers)[0])
    executable.dispose()
    expect(backend.memory().scratchBytes).toBe(0)
  })

  it('measures by itself where nothing is known, and the result stays right', async () => {
    const known = new Map<string, string>()
    const cache: TuningCache = {
      get: async (key) => known.get(key),
      set: async (key, value) => {
        known.set(key, value)
      },
    }
    const backend = await tunedBackend(cache)
    const [first] = await runProgram(backend, program, inputs)
    await backend.synchronize()
    expect(known.size).toBe(1)
    const [second] = await runProgram(backend, program, inputs)
    Array.from(second).forEach((value, i) => {
      expect(Math.abs(value - first[i])).toBeLessThan(1e-5)
    })
  })
})
