/**
 * The wasm backend against the reference backend, program by program, and its handling of memory and errors.
 */
import { afterAll, describe, expect, it } from 'vitest'
import type { Backend, DeviceBuffer } from '../backend.ts'
import type { Dtype } from '../dtype.ts'
import { typedArrayFrom } from '../dtype.ts'
import { BackendError, DtypeError, LifetimeError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import * as arithmetic from '../operations/arithmetic.ts'
import { iota } from '../operations/creation.ts'
import { dot, dotGeneral } from '../operations/dot.ts'
import { convert, exp, sigmoid, square, tanh } from '../operations/elementary.ts'
import { concatenate, gather, pad, reshape, scatterAdd, slice, transpose } from '../operations/movement.ts'
import { argMax, logSoftmax, max, mean, softmax, sum } from '../operations/reduction.ts'
import type { Program } from '../program/program.ts'
import { createReferenceBackend } from '../reference/referenceBackend.ts'
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { traceClosed } from '../trace.ts'
import { createWasmBackend } from './wasmBackend.ts'

const { add, multiply, subtract, select, less, maximum } = arithmetic
const wasm = createWasmBackend()
const reference = createReferenceBackend()

afterAll(() => {
  wasm.dispose()
  reference.dispose()
})

/** Deterministic values in (−2, 2), or small integers, or booleans. */
function values(shape: Shape, dtype: Dtype, seed: number): HostArray {
  let state = (seed * 2654435761 + 12345) >>> 0
  const numbers = Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const real = state / 2 ** 30 - 2
    return dtype === 'float32' ? real : dtype === 'bool' ? Number(real > 0) : Math.abs(Math.round(3 * real))
  })
  return { shape, dtype, data: typedArrayFrom(dtype, numbers) }
}

const float = (...shape: number[]): HostArray => values(shape, 'float32', 1 + sizeOf(shape))
const int = (...shape: number[]): HostArray => values(shape, 'int32', 2 + sizeOf(shape))

type Body = (...inputs: Tensor[]) => Tensor | readonly Tensor[]

const trace = (inputs: readonly HostArray[], body: Body): Program =>
  traceClosed('case', inputs, (tensors) => {
    const result = body(...tensors)
    return Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor]
  })

function results(backend: Backend, program: Program, inputs: readonly HostArray[]): number[][] {
  const executable = backend.compile(program)
  const buffers = inputs.map((array) => backend.upload(array))
  const outputs = executable.run(buffers)
  const read = outputs.map((buffer) => Array.from(backend.readSync?.(buffer) ?? []))
  for (const buffer of [...buffers, ...outputs]) backend.release(buffer)
  executable.dispose()
  return read
}

/** Outputs agree to 1e-5 of the largest element (float32 sums of a few hundred terms), integers exactly. */
function expectAgreement(inputs: readonly HostArray[], body: Body): void {
  const program = trace(inputs, body)
  const actual = results(wasm, program, inputs)
  results(reference, program, inputs).forEach((expected, output) => {
    const exact = program.outputs[output].dtype !== 'float32'
    const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    expected.forEach((value, i) => {
      const error = Math.abs(actual[output][i] - value)
      if (!(error <= (exact ? 0 : 1e-5 * scale))) {
        expect.fail(`output ${output}[${i}] is ${actual[output][i]}, not ${value}`)
      }
    })
    expect(actual[output].length).toBe(expected.length)
  })
}

const cases: Record<string, [readonly HostArray[], Body]> = {
  'a product with bias and activation': [
    [float(33, 20), float(20, 17), float(17)],
    (x, w, b) => tanh(add(dot(x, w), b)),
  ],
  'a product whose epilogue has two results': [
    [float(13, 20), float(20, 9)],
    (x, w) => {
      const h = tanh(dot(x, w))
      return [h, subtract(1, square(h))]
    },
  ],
  'transposed operands': [[float(20, 33), float(17, 20)], (a, b) => dot(transpose(a), transpose(b))],
  'an accumulated product': [
    [float(8, 5), float(5, 7), float(8, 3), float(3, 7)],
    (a, b, c, d) => add(dot(a, b), dot(c, d)),
  ],
  'a transposed accumulator': [
    [float(8, 5), float(5, 7), float(7, 8)],
    (a, b, c) => add(dot(a, b), transpose(c)),
  ],
  'a batched product': [
    [float(3, 8, 5), float(3, 5, 7)],
    (a, b) => dotGeneral(a, b, { lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [1] }),
  ],
  'a batched product with a shared operand and an epilogue': [
    [float(3, 8, 5), float(5, 7)],
    (a, b) => sigmoid(dot(a, b)),
  ],
  'matrix times vector, both ways': [
    [float(40, 30), float(30), float(40)],
    (a, x, y) => [dot(a, x), dot(y, a), sigmoid(dot(a, x))],
  ],
  'an inner product': [[float(1000), float(1000)], (a, b) => dot(a, b)],
  'a product over nothing': [[float(4, 0), float(0, 3)], (a, b) => add(dot(a, b), 1)],
  'an empty result': [[float(0, 4), float(4, 3)], (a, b) => tanh(dot(a, b))],
  'slices of products of slices': [
    [float(12, 10), float(10, 12)],
    (a, b) => slice(dot(slice(a, [1, 2], [9, 8]), slice(b, [0, 3], [6, 11])), [1, 1], [7, 8]),
  ],
  'softmax and its logarithm': [[float(9, 10)], (x) => [softmax(x), logSoftmax(x)]],
  'reductions along every axis': [
    [float(6, 7, 8)],
    (x) => [sum(x), sum(x, [0]), mean(x, [1]), max(x, [2]), sum(x, [0, 2]), argMax(x, 1)],
  ],
  'comparison and selection': [[float(50), float(50)], (a, b) => select(less(a, b), exp(a), maximum(a, b))],
  conversion: [[float(40)], (x) => [convert(x, 'int32'), convert(convert(x, 'bool'), 'float32')]],
  'concatenation and padding': [
    [float(3, 4), float(2, 4)],
    (a, b) => pad(tanh(concatenate([a, b], 0)), [1, 2], [0, 1], [1, 0]),
  ],
  'gathering and scattering': [
    [float(9, 4), int(5), float(5, 4)],
    (x, i, u) => [gather(x, i), scatterAdd(x, i, multiply(u, 2))],
  ],
  'index numbers': [[float(4, 6)], (x) => multiply(x, reshape(iota([24]), [4, 6]))],
  'inputs returned as they are, twice': [[float(5)], (x) => [x, x]],
}

describe('programs agree with the reference backend', () => {
  it.each(Object.keys(cases))('%s', (name) => {
    const [inputs, body] = cases[name]
    expectAgreement(inputs, body)
  })

  it('and leave the memory as they found it', () => {
    for (const [inputs, body] of Object.values(cases)) expectAgreement(inputs, body)
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

  it('of several programs share one scratch arena', () => {
    const backend = createWasmBackend()
    const programs = [3, 100, 10].map((n) => trace([float(n, n), float(n, n)], (a, b) => tanh(dot(a, b))))
    const sizes = programs.map((program) => backend.compile(program).summary.scratchBytes)
    programs.forEach((program, i) => {
      const n = [3, 100, 10][i]
      results(backend, program, [float(n, n), float(n, n)])
    })
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
  it('is added to in place', () => {
    const backend = createWasmBackend()
    const inputs = [float(40, 30), float(30, 20), float(40, 20)]
    const axes = { lhsContract: [1], rhsContract: [0] }
    const program = trace(inputs, (a, b, c) => dotGeneral(a, b, axes, c))
    const executable = backend.compile(program, { donate: [2] })
    const [a, b, c] = inputs.map((array) => backend.upload(array))
    const before = backend.memory()
    const [output] = executable.run([a, b, c])
    expect(backend.memory()).toMatchObject({ liveBuffers: 3, peakBytes: before.peakBytes })
    const [expected] = results(wasm, program, inputs)
    expect(Array.from(backend.readSync?.(output) ?? [])).toEqual(expected)
  })
})

describe('misuse gets a typed error', () => {
  it('names the tensor that does not fit into the memory, and goes on working', () => {
    const backend = createWasmBackend({ maximumBytes: 1 << 20 })
    const kept = backend.upload(float(10))
    expect(() => backend.upload(float(600, 600))).toThrow(/float32\[600,600\].*1440000 bytes/)
    const program = trace([float(10)], (x) => dot(reshape(x, [10, 1]), iota([1, 100_000])))
    const executable = backend.compile(program)
    expect(() => executable.run([kept])).toThrow(BackendError)
    expect(backend.memory().liveBuffers).toBe(1)
    expect(results(backend, layerProgram, layer)[0]).toHaveLength(64 * 30)
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
