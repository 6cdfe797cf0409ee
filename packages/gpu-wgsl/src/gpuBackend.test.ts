// The gpu backend as an owner of resources: replays, memory, waits, and devices and shaders that fail.
import { afterAll, describe, expect, it } from 'vitest'
import {
  BackendError,
  DeviceLostError,
  DtypeError,
  LifetimeError,
  add,
  broadcastTo,
  createReferenceBackend,
  dot,
  hostArray,
  multiply,
  sum,
  tanh,
} from '@hessian-free/tensor'
import type { DeviceBuffer, HostArray } from '@hessian-free/tensor'
import { arbitraryValues, runProgram, traceBody } from '@hessian-free/tensor/testing'
import { GpuConnection } from './device/gpuConnection.ts'
import { GpuMemory } from './device/gpuMemory.ts'
import { PipelineCache } from './device/pipelineCache.ts'
import { Readback } from './device/readback.ts'
import { ScratchPools } from './device/scratchPools.ts'
import type { GpuBackend } from './gpuBackend.ts'
import { gpuBackendOn } from './gpuBackend.ts'
import { testDevice } from './node/softwareDevice.ts'
import { compileForGpu } from './program/gpuExecutable.ts'
import { generateKernel } from './wgsl/kernelGenerators.ts'

const offered = (await testDevice()) !== undefined
const backends: GpuBackend[] = []

/** A backend on a device of its own. */
async function freshBackend(): Promise<GpuBackend> {
  const backend = gpuBackendOn((await testDevice())!)
  backends.push(backend)
  return backend
}

afterAll(() => {
  for (const backend of backends) backend.dispose()
})

const float = (...shape: number[]): HostArray => arbitraryValues(shape, 'float32', 1 + shape.length)
const layer = [float(64, 40), float(40, 30), float(30)] as const
const layerProgram = traceBody(layer, (x, w, b) => tanh(add(dot(x, w), b)))

describe.skipIf(!offered)('replays (skipped where no software Vulkan is offered)', () => {
  it('a thousand times hold no more memory than two times, and give the same bits', async () => {
    const backend = await freshBackend()
    const executable = backend.compile(layerProgram)
    const inputs = layer.map((array) => backend.upload(array))
    const run = (): DeviceBuffer => executable.run(inputs)[0]
    const first = run()
    backend.release(run())
    const before = backend.memory()
    for (let i = 0; i < 1000; i++) backend.release(run())
    expect(backend.memory()).toEqual(before)
    const last = run()
    const [a, b] = await backend.readTogether([first, last])
    expect(b).toEqual(a)
    expect(backend.waits).toBe(1)
  })

  it('make bind groups only for buffers that have not met before', async () => {
    const backend = await freshBackend()
    const executable = backend.compile(layerProgram)
    const inputs = layer.map((array) => backend.upload(array))
    const made = countCalls(backend.device, 'createBindGroup')
    for (let i = 0; i < 100; i++) backend.release(executable.run(inputs)[0])
    expect(made()).toBe(1)
    const kept = [executable.run(inputs)[0], executable.run(inputs)[0]]
    expect(made()).toBe(2)
    for (const buffer of kept) backend.release(buffer)
    for (let i = 0; i < 100; i++) backend.release(executable.run(inputs)[0])
    expect(made()).toBe(2)
  })

  it('create no pipeline, no buffer, and one encoder and one submit each', async () => {
    const backend = await freshBackend()
    const program = traceBody([float(50, 20)], (x) => sum(tanh(dot(x, x.transpose())), [1]))
    const executable = backend.compile(program)
    const input = backend.upload(float(50, 20))
    backend.release(executable.run([input])[0])
    const created = (
      ['createBuffer', 'createComputePipeline', 'createBindGroup', 'createShaderModule'] as const
    ).map((name) => countCalls(backend.device, name))
    const encoders = countCalls(backend.device, 'createCommandEncoder')
    const submits = countCalls(backend.device.queue, 'submit')
    for (let i = 0; i < 10; i++) backend.release(executable.run([input])[0])
    expect(created.map((count) => count())).toEqual([0, 0, 0, 0])
    expect([encoders(), submits()]).toEqual([10, 10])
  })
})

/** Counts calls of a method from now on. */
function countCalls<K extends string>(target: { readonly [P in K]: unknown }, name: K): () => number {
  const original = target[name] as (...values: unknown[]) => unknown
  let count = 0
  Object.defineProperty(target, name, {
    configurable: true,
    value: (...values: unknown[]): unknown => {
      count++
      return original.apply(target, values)
    },
  })
  return () => count
}

describe.skipIf(!offered)('uploading', () => {
  it('takes views of any buffer: parts, memory that threads share, more than one piece', async () => {
    const backend = await freshBackend()
    const part = new Float32Array(new ArrayBuffer(40), 8, 3)
    const shared = new Float32Array(new SharedArrayBuffer(40), 4, 5)
    const long = new Float32Array(2 ** 23 + 5)
    for (const data of [part, shared, long]) data.forEach((_, i) => (data[i] = i % 997))
    for (const data of [part, shared, long]) {
      const buffer = backend.upload(hostArray(data, [data.length]))
      const found = await backend.read(buffer)
      expect(found).toHaveLength(data.length)
      expect(found.every((value, i) => value === i % 997)).toBe(true)
    }
  })
})

describe.skipIf(!offered)('reading', () => {
  it('gives the contents at the time of the call, although the buffer is released and reused before it arrives', async () => {
    const backend = await freshBackend()
    const first = backend.upload(hostArray(Float32Array.of(1, 2, 3), [3]))
    const reading = backend.read(first)
    backend.release(first)
    const second = backend.upload(hostArray(Float32Array.of(7, 8, 9), [3]))
    expect([...(await reading)]).toEqual([1, 2, 3])
    expect([...(await backend.read(second))]).toEqual([7, 8, 9])
  })

  it('several buffers of any size and dtype costs one wait', async () => {
    const backend = await freshBackend()
    const arrays = [float(3, 5), arbitraryValues([7], 'int32', 3), arbitraryValues([2], 'bool', 4), float(0)]
    const read = await backend.readTogether(arrays.map((array) => backend.upload(array)))
    expect(read).toEqual(arrays.map(({ data }) => data))
    expect(backend.waits).toBe(1)
  })
})

describe.skipIf(!offered)('reading where staging memory is short', () => {
  it('goes through several buffers where one may not hold everything, with one wait', async () => {
    const { device, capabilities } = (await testDevice())!
    const backend = gpuBackendOn({ device, capabilities: { ...capabilities, maximumBufferBytes: 4104 } })
    backends.push(backend)
    const created = countCalls(device, 'createBuffer')
    const arrays = [float(1000), float(500), float(0), float(500), float(30)]
    const buffers = arrays.map((array) => backend.upload(array))
    const before = created()
    expect(await backend.readTogether(buffers)).toEqual(arrays.map(({ data }) => data))
    expect(created() - before).toBe(3)
    expect(backend.waits).toBe(1)
  })

  it('raises a typed error that spoils nothing else', async () => {
    const backend = await freshBackend()
    const buffer = backend.upload(float(40))
    const restore = askForTooMuch(backend.device)
    // SwiftShader has room for some of these.
    const readings = Array.from({ length: 8 }, () => backend.read(buffer))
    restore()
    const settled = await Promise.allSettled(readings)
    const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(reasons.length).toBeGreaterThan(0)
    for (const reason of reasons) {
      expect(reason).toBeInstanceOf(BackendError)
      expect(String(reason)).toMatch(/memory for a copy/)
    }
    expect(await backend.read(buffer)).toEqual(float(40).data)
    await expect(backend.synchronize()).resolves.toBeUndefined()
  })
})

describe.skipIf(!offered)('donated inputs', () => {
  it('become outputs where that is safe, and are gone in any case', async () => {
    const backend = await freshBackend()
    const inputs = [float(100), float(100), float(3)]
    const program = traceBody(inputs, (a, b, c) => [multiply(add(a, b), 2), sum(c)])
    const executable = backend.compile(program, { donate: [0, 2] })
    const [a, b, c] = inputs.map((array) => backend.upload(array))
    const outputs = executable.run([a, b, c])
    expect(backend.memory().liveBuffers).toBe(3)
    await expect(backend.read(a)).rejects.toThrow(LifetimeError)
    await expect(backend.read(c)).rejects.toThrow(LifetimeError)
    const expected = Float32Array.from(inputs[0].data, (x, i) => Math.fround(x + inputs[1].data[i]) * 2)
    expect(await backend.read(outputs[0])).toEqual(expected)
  })
})

describe.skipIf(!offered)('a device that fails', () => {
  it('is lost: everything raises DeviceLostError, and nothing hangs', async () => {
    const backend = await freshBackend()
    const executable = backend.compile(layerProgram)
    const inputs = layer.map((array) => backend.upload(array))
    const [output] = executable.run(inputs)
    backend.device.destroy()
    await expect(backend.read(output)).rejects.toThrow(DeviceLostError)
    expect(() => executable.run(inputs)).toThrow(DeviceLostError)
    expect(() => backend.upload(float(3))).toThrow(DeviceLostError)
    expect(() => backend.compile(layerProgram)).toThrow(DeviceLostError)
    await expect(backend.synchronize()).rejects.toThrow(DeviceLostError)
    expect(() => backend.release(output)).not.toThrow()
    backend.dispose()
  })

  it('is lost while a read is under way', async () => {
    const backend = await freshBackend()
    const buffer = backend.upload(float(1000))
    const reading = backend.read(buffer)
    backend.device.destroy()
    await expect(reading).rejects.toThrow(DeviceLostError)
  })

  it('has no memory left: what would lie there raises an error instead of zeros, and work goes on afterwards', async () => {
    const backend = await freshBackend()
    const before = backend.upload(float(4))
    const restore = askForTooMuch(backend.device)
    const buffer = backend.upload(float(1 << 20))
    restore()
    await expect(backend.read(buffer)).rejects.toThrow(
      /must have memory for another \d+ bytes.*Free tensors/s,
    )
    const program = traceBody([float(1 << 20)], (x) => multiply(x, 2))
    expect(() => backend.compile(program).run([buffer])).toThrow(BackendError)
    backend.release(buffer)
    expect(await backend.read(before)).toEqual(float(4).data)
    expect((await runProgram(backend, layerProgram, layer))[0]).toHaveLength(64 * 30)
  })

  it('has no memory for a result: that result raises the error, inputs stay sound, and the next run succeeds', async () => {
    const backend = await freshBackend()
    const executable = backend.compile(layerProgram)
    const inputs = layer.map((array) => backend.upload(array))
    const restore = askForTooMuch(backend.device)
    const [output] = executable.run(inputs)
    restore()
    await expect(backend.read(output)).rejects.toThrow(/must have memory/)
    backend.release(output)
    expect(await backend.readTogether(inputs)).toEqual(layer.map(({ data }) => data))
    const [again] = executable.run(inputs)
    expect(await backend.read(again)).toHaveLength(64 * 30)
  })

  it('has no memory for scratch when a program is compiled: it works once there is memory', async () => {
    const backend = await freshBackend()
    const x = float(64, 40)
    const input = backend.upload(x)
    const program = traceBody([x], (h) => tanh(dot(dot(h, h.transpose()), h)))
    const restore = askForTooMuch(backend.device)
    const executable = backend.compile(program)
    restore()
    const [output] = executable.run([input])
    await expect(backend.read(output)).rejects.toThrow(/must have memory/)
    const [again] = executable.run([input])
    const [expected] = await runProgram(createReferenceBackend(), program, [x])
    const found = await backend.read(again)
    found.forEach((value: number, i: number) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(1e-5)
    })
  })

  it('refuses a tensor above its binding limit at once, naming limit and remedy', async () => {
    const backend = await freshBackend()
    const limit = backend.capabilities.maximumBindingBytes
    const program = traceBody([float(1)], (x) => broadcastTo(x, [limit / 4 + 1]))
    const executable = backend.compile(program)
    const input = backend.upload(float(1))
    expect(() => executable.run([input])).toThrow(new RegExp(`at most ${limit} bytes.*smaller chunks`, 's'))
    expect(backend.memory().liveBuffers).toBe(1)
  })

  it('does not compile a shader: the error carries its text and the program, and comes again at the next run', async () => {
    const connection = new GpuConnection((await testDevice())!)
    const memory = new GpuMemory(connection)
    const scratch = new ScratchPools(memory.pool)
    const readback = new Readback(connection, memory)
    const executable = compileForGpu(
      layerProgram,
      {},
      {
        connection,
        memory,
        pipelines: new PipelineCache(connection),
        scratch,
        generate: (kernel, context) =>
          generateKernel(kernel, context).map((dispatch) => ({
            ...dispatch,
            source: `${dispatch.source}\nnonsense`,
          })),
        generation: () => 0,
      },
    )
    const inputs = layer.map((array) => memory.create('upload', array))
    const [output] = executable.run(inputs)
    await expect(readback.read([output])).rejects.toThrow(/nonsense[\s\S]*in the program[\s\S]*dot/)
    expect(() => executable.run(inputs)).toThrow(BackendError)
    connection.dispose()
  })
})

/** Asks for a buffer as large as the limit allows instead, for which SwiftShader has no memory. @returns an undo. */
function askForTooMuch(device: GPUDevice): () => void {
  const original = device.createBuffer.bind(device)
  Object.defineProperty(device, 'createBuffer', {
    configurable: true,
    value: (descriptor: GPUBufferDescriptor): GPUBuffer =>
      original({ ...descriptor, size: device.limits.maxBufferSize }),
  })
  return () => {
    Object.defineProperty(device, 'createBuffer', { configurable: true, value: original })
  }
}

describe.skipIf(!offered)('misuse', () => {
  it('of float64, released, foreign and mistyped buffers, disposed executables and backends gets a typed error', async () => {
    const backend = await freshBackend()
    const other = await freshBackend()
    const wide = hostArray(new Float64Array(2), [2])
    expect(() => backend.upload(wide)).toThrow(DtypeError)
    expect(() => backend.compile(traceBody([wide], (x) => add(x, 1)))).toThrow(DtypeError)
    const executable = backend.compile(traceBody([float(2)], (x) => add(x, 1)))
    const run = (...inputs: DeviceBuffer[]) => executable.run(inputs)
    const good = backend.upload(float(2))
    expect(() => run(other.upload(float(2)))).toThrow(BackendError)
    expect(() => run(backend.upload(float(3)))).toThrow(/float32\[2\].*float32\[3\]/)
    backend.release(good)
    expect(() => run(good)).toThrow(LifetimeError)
    expect(() => backend.release(good)).toThrow(LifetimeError)
    await expect(backend.read(good)).rejects.toThrow(LifetimeError)
    executable.dispose()
    expect(() => run(backend.upload(float(2)))).toThrow(/disposed/)
    backend.dispose()
    expect(() => backend.upload(float(2))).toThrow(/disposed/)
  })
})
