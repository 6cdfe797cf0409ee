/**
 * Programs in which fusion, memory planning and code generation meet: products with epilogues, reductions, movement,
 * indexing. Any backend is compared with the reference backend.
 */
import type { Backend } from '../backend.ts'
import type { Dtype } from '../dtype.ts'
import { typedArrayFrom } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import * as arithmetic from '../operations/arithmetic.ts'
import { iota } from '../operations/creation.ts'
import { dot, dotGeneral } from '../operations/dot.ts'
import { convert, exp, sigmoid, square, tanh } from '../operations/elementary.ts'
import { concatenate, gather, pad, reshape, scatterAdd, slice, transpose } from '../operations/movement.ts'
import { argMax, logSoftmax, max, mean, softmax, sum } from '../operations/reduction.ts'
import type { Program } from '../program/program.ts'
import { printProgram } from '../program/programPrinter.ts'
import { createReferenceBackend } from '../reference/referenceBackend.ts'
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { traceClosed } from '../trace.ts'

const { add, multiply, subtract, select, less, maximum } = arithmetic

/** Deterministic values in (−2, 2), or small integers, or booleans. */
export function arbitraryValues(shape: Shape, dtype: Dtype, seed: number): HostArray {
  let state = (seed * 2654435761 + 12345) >>> 0
  const numbers = Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const real = state / 2 ** 30 - 2
    return dtype === 'float32' ? real : dtype === 'bool' ? Number(real > 0) : Math.abs(Math.round(3 * real))
  })
  return { shape, dtype, data: typedArrayFrom(dtype, numbers) }
}

const float = (...shape: number[]): HostArray => arbitraryValues(shape, 'float32', 1 + sizeOf(shape))
const int = (...shape: number[]): HostArray => arbitraryValues(shape, 'int32', 2 + sizeOf(shape))

export type ProgramBody = (...inputs: Tensor[]) => Tensor | readonly Tensor[]

export type ProgramCase = readonly [inputs: readonly HostArray[], body: ProgramBody]

/** The program that `body` records for inputs of these types. */
export const traceBody = (inputs: readonly HostArray[], body: ProgramBody): Program =>
  traceClosed('case', inputs, (tensors) => {
    const result = body(...tensors)
    return Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor]
  })

/** Uploads, compiles, runs, reads and frees. */
export async function runProgram(
  backend: Backend,
  program: Program,
  inputs: readonly HostArray[],
): Promise<readonly ArrayLike<number>[]> {
  const executable = backend.compile(program)
  const buffers = inputs.map((array) => backend.upload(array))
  const outputs = executable.run(buffers)
  const read = await Promise.all(outputs.map((buffer) => backend.read(buffer)))
  for (const buffer of [...buffers, ...outputs]) backend.release(buffer)
  executable.dispose()
  return read
}

/**
 * Outputs agree with the reference backend to 84 roundings of the largest element (float32 sums of a few hundred
 * terms), integers exactly.
 * @throws {Error} naming the output and the element that is wrong, with the program's text.
 */
export async function checkProgramCase(backend: Backend, [inputs, body]: ProgramCase): Promise<void> {
  const program = traceBody(inputs, body)
  const actual = await runProgram(backend, program, inputs)
  const expected = await runProgram(createReferenceBackend(), program, inputs)
  expected.forEach((array, output) => {
    const { dtype } = program.outputs[output]
    const values = Array.from(array)
    const scale = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    const allowed = 84 * backend.tolerance(dtype) * scale
    if (actual[output].length !== values.length) {
      throw new Error(`output ${output} has ${actual[output].length} elements, not ${values.length}`)
    }
    values.forEach((value, i) => {
      if (Math.abs(actual[output][i] - value) <= allowed) return
      throw new Error(
        `${backend.name}: output ${output}[${i}] is ${actual[output][i]}, not ${value}\n${printProgram(program)}`,
      )
    })
  })
}

export const programCases: Readonly<Record<string, ProgramCase>> = {
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
