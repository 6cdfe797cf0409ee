/**
 * The wasm backend against the reference backend, program by program, and its handling of memory and errors.
 */
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import type { DeviceBuffer } from '../backend.ts'
import { BackendError, DtypeError, LifetimeError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import { add, multiply } from '../operations/arithmetic.ts'
import { iota } from '../operations/creation.ts'
import { dot, dotGeneral } from '../operations/dot.ts'
import { tanh } from '../operations/elementary.ts'
import { reshape } from '../operations/movement.ts'
import { sum } from '../operations/reduction.ts'
import { sizeOf } from '../shape.ts'
import {
  arbitraryValues,
  checkProgramCase,
  programCases,
  runProgram,
  traceBody,
} from '../testing/programCases.ts'
import { createWasmBackend } from './wasmBackend.ts'

const wasm = createWasmBackend()

afterAll(() => {
  wasm.dispose()
})

const float = (...shape: number[]): HostArray => arbitraryValues(shape, 'float32', 1 + sizeOf(shape))
const trace = traceBody

describe('programs agree with the reference backend', () => {
  it.each(Object.entries(programCases))('%s', (_, each) => checkProgramCase(wasm, each))

  it('and leave the memory as they found it', async () => {
    for (const each of Object.values(programCases)) await checkProgramCase(wasm, each)
    expect(wasm.memory()).toMatchObject({ liveBuffers: 0, liveBytes: 0 })
  })
})

const layer = [float(64, 40), float(40, 30), float(30)] as const
const layerProgram = trace(layer, (x, w, b) => tanh(add(dot(x, w), b)))

describe('replays', () => {
  it('a thousand times allocate nothing that stays and give the same bits', () => {
    const executable = wasm.compile(layerProgram)
    const inputs = layer.map((array) => wasm.upload(array))
    const run = () => {
      const [output] = executable.run(inputs)
      const contents = wasm.readSync?.(output)
      wasm.release(output)
      return contents
    }
    const first = run()
    const before = wasm.memory()
    for (let i = 0; i < 1000; i++) run()
    expect(wasm.memory()).toEqual(before)
    expect(run()).toEqual(first)
    inputs.forEach((buffer) => {
      wasm.release(buffer)
    })
  })

  it('tell what they execute', () => {
    const { summary } = wasm.compile(layerProgram)
    expect(summary.matrixProducts).toBe(1)
    expect(summary.matrixProductFlops).toBe(2 * 64 * 40 * 30)
    expect(summary.kernels).toHaveLength(1)
    expect(summary.scratchBytes).toBeGreaterThan(0)
  })

  it('of several programs share one scratch arena', async () => {
    const backend = createWasmBackend()
    const programs = [3, 100, 10].map((n) => trace([float(n, n), float(n, n)], (a, b) => tanh(dot(a, b))))
    const sizes = programs.map((program) => backend.compile(program).summary.scratchBytes)
    for (const [i, program] of programs.entries()) {
      const n = [3, 100, 10][i]
      await runProgram(backend, program, [float(n, n), float(n, n)])
    }
    expect(backend.memory().scratchBytes).toBe(Math.max(...sizes))
  })
})

describe('donated inputs', () => {
  it('become outputs where that is safe, and are gone in any case', () => {
    const backend = createWasmBackend()
    const inputs = [float(100), float(100), float(3)]
    const program = trace(inputs, (a, b, c) => [multiply(add(a, b), 2), sum(c)])
    const executable = backend.compile(program, { donate: [0, 2] })
    const [a, b, c] = inputs.map((array) => backend.upload(array))
    const outputs = executable.run([a, b, c])
    expect(backend.memory().liveBuffers).toBe(3)
    expect(() => backend.readSync?.(a)).toThrow(LifetimeError)
    expect(() => backend.readSync?.(c)).toThrow(LifetimeError)
    const expected = Array.from(inputs[0].data, (x, i) => Math.fround(Math.fround(x + inputs[1].data[i]) * 2))
    expect(Array.from(backend.readSync?.(outputs[0]) ?? [])).toEqual(expected)
  })
})

describe('a donated accumulator', () => {
  it('is added to in place', async () => {
    const backend = createWasmBackend()
    const inputs = [float(40, 30), float(30, 20), float(40, 20)]
    const axes = { lhsContract: [1], rhsContract: [0] }
    const program = trace(inputs, (a, b, c) => dotGeneral(a, b, axes, c))
    const executable = backend.compile(program, { donate: [2] })
    const [a, b, c] = inputs.map((array) => backend.upload(array))
    const before = backend.memory()
    const [output] = executable.run([a, b, c])
    expect(backend.memory()).toMatchObject({ liveBuffers: 3, peakBytes: before.peakBytes })
    const [expected] = await runProgram(wasm, program, inputs)
    expect(backend.readSync?.(output)).toEqual(expected)
  })
})

describe('misuse gets a typed error', () => {
  it('names the tensor that does not fit into the memory, and goes on working', async () => {
    const backend = createWasmBackend({ maximumBytes: 1 << 20 })
    const kept = backend.upload(float(10))
    expect(() => backend.upload(float(600, 600))).toThrow(/float32\[600,600\].*1440000 bytes/)
    const program = trace([float(10)], (x) => dot(reshape(x, [10, 1]), iota([1, 100_000])))
    const executable = backend.compile(program)
    expect(() => executable.run([kept])).toThrow(BackendError)
    expect(backend.memory().liveBuffers).toBe(1)
    expect((await runProgram(backend, layerProgram, layer))[0]).toHaveLength(64 * 30)
  })

  it('for float64, released, foreign and mistyped buffers, and disposed executables and backends', async () => {
    const backend = createWasmBackend()
    const wide = { shape: [2], dtype: 'float64' as const, data: new Float64Array(2) }
    expect(() => backend.upload(wide)).toThrow(DtypeError)
    expect(() => backend.compile(trace([wide], (x) => add(x, 1)))).toThrow(DtypeError)
    const executable = backend.compile(trace([float(2)], (x) => add(x, 1)))
    const run = (...inputs: DeviceBuffer[]) => executable.run(inputs)
    const good = backend.upload(float(2))
    expect(() => run(wasm.upload(float(2)))).toThrow(BackendError)
    expect(() => run(backend.upload(float(3)))).toThrow(/float32\[2\].*float32\[3\]/)
    expect(() => run()).toThrow(BackendError)
    backend.release(good)
    expect(() => run(good)).toThrow(LifetimeError)
    expect(() => {
      backend.release(good)
    }).toThrow(LifetimeError)
    await expect(backend.read(good)).rejects.toThrow(LifetimeError)
    executable.dispose()
    expect(() => run(backend.upload(float(2)))).toThrow(/disposed/)
    backend.dispose()
    expect(() => backend.upload(float(2))).toThrow(/disposed/)
  })
})

describe('where the system refuses a shared memory', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('one thread computes, and the backend says why', async () => {
    const { Memory } = WebAssembly
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function (descriptor) {
      if (descriptor.shared === true) throw new RangeError('could not allocate memory')
      return new Memory(descriptor)
    })
    const backend = createWasmBackend({ threads: 2 })
    const { threads, reason } = backend.threadUse
    expect({ threads, reason }).toEqual({
      threads: 1,
      reason: expect.stringMatching(/no memory of this size.*smaller maximumBytes/) as string,
    })
    const buffer = backend.upload(float(3))
    expect(await backend.read(buffer)).toEqual(float(3).data)
    backend.dispose()
  })
})
