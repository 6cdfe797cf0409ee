/**
 * Support for tests of kernel emitters: runs one kernel as WebAssembly on copies of host arrays, and the same
 * kernel by the interpreter's plain loops. Also generators of views and expressions for such kernels.
 */
import fc from 'fast-check'
import type { Dtype, TypedArray } from '../dtype.ts'
import { dtypeOf, typedArray } from '../dtype.ts'
import type { BufferIndex, Kernel, ScalarNode, View } from '../kernel/kernel.ts'
import { writesOfKernel } from '../kernel/kernelAccess.ts'
import { interpretKernels } from '../reference/kernelInterpreter.ts'
import type { FunctionIndex } from './assembler/functionBuilder.ts'
import type { ModuleBuilder } from './assembler/moduleBuilder.ts'
import { createModuleBuilder } from './assembler/moduleBuilder.ts'
import { createAddressTable } from './addressTable.ts'
import { placeArrays } from './guardedArrays.ts'
import { kernelStages } from './kernelStages.ts'
import type { MicroKernel } from './matrix/matrixMicroKernel.ts'
import {
  compileMatrixModule,
  importMatrixFunctions,
  importMemory,
  instantiateMatrixModule,
} from './matrix/matrixModule.ts'
import { microKernelCandidates } from './matrix/matrixProbe.ts'
import type { Stage } from './stage.ts'

/** Adds the function under test, exported as `run`. */
export type AddFunction = (module: ModuleBuilder) => FunctionIndex

/**
 * The arrays after the function ran on them. `order` says which arrays its pointers are, `more` are further
 * arguments.
 * @throws {Error} if a byte outside the arrays changed.
 */
export function runOnArrays(
  addFunction: AddFunction,
  arrays: readonly TypedArray[],
  order: readonly BufferIndex[],
  more: readonly number[] = [],
): TypedArray[] {
  const { memory, starts, contents } = placeArrays(arrays, 0)
  const module = createModuleBuilder()
  importMemory(module, {})
  addFunction(module)
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } })
  const run = instance.exports.run as (...values: number[]) => void
  run(...order.map((buffer) => starts[buffer]), ...more)
  return contents()
}

export interface StageRun {
  /** Default 1. */
  readonly threads?: number
  readonly microKernel?: MicroKernel
  /** Elements of a unit of cheap work; few by default, so that small kernels have many units. */
  readonly unitElements?: number
  /** Bytes of an operand in scratch memory; the default of the emitter, by default. */
  readonly packedBytes?: number
  /** Sees the stages before they run. */
  readonly onStages?: (stages: readonly Stage[]) => void
}

const matrixModules = new Map<MicroKernel, WebAssembly.Module>()

/** The module of a micro-kernel, compiled once. */
function matrixModuleOf(microKernel: MicroKernel): WebAssembly.Module {
  const known = matrixModules.get(microKernel)
  if (known !== undefined) return known
  const module = compileMatrixModule(microKernel, {})
  matrixModules.set(microKernel, module)
  return module
}

const firstMicroKernel = microKernelCandidates('separate')[0]

/** Compiles a kernel's stages; the function that comes back runs them for a number of threads. */
function prepareKernel(
  kernel: Kernel,
  arrays: readonly TypedArray[],
  { microKernel = firstMicroKernel, unitElements = 64, packedBytes, onStages }: StageRun,
): (threads: number) => TypedArray[] {
  const module = createModuleBuilder()
  importMemory(module, {})
  const matrix = importMatrixFunctions(module, microKernel)
  const builder = createAddressTable(arrays.length, () => false)
  const { wordOf, sharedScratch, ownScratch, panels } = builder
  const buffers = arrays.map((array) => ({
    dtype: dtypeOf(array),
    elements: array.length,
    role: 'input' as const,
  }))
  const limit = packedBytes === undefined ? {} : { packedBytes }
  const shared = { module, buffers, matrix, wordOf, sharedScratch, ownScratch, panels }
  const context = { ...shared, unitElements, ...limit }
  const stages = kernelStages(context, kernel)
  onStages?.(stages)
  stages.forEach(({ target }, i) => module.exportFunction(`stage${i}`, target))
  const table = builder.finish()
  const compiled = new WebAssembly.Module(module.build())
  const matrixModule = matrixModuleOf(microKernel)
  return (threads) => {
    const scratchBytes = table.sharedBytes + threads * table.ownBytes
    const { memory, starts, scratch, contents } = placeArrays(arrays, scratchBytes)
    new Float32Array(memory.buffer, scratch, scratchBytes / 4).fill(NaN)
    const words = new Map<number, number>(starts.entries())
    words.set(table.alwaysWord, 1)
    for (const { word, offset } of table.scratchWords) words.set(word, scratch + offset)
    const wordValue = (word: number): number => {
      const value = words.get(word)
      if (value === undefined) throw new Error(`word ${word} of the table was never given a value`)
      return value
    }
    const functions = instantiateMatrixModule(matrixModule, memory)
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory }, matrix: functions })
    stages.forEach((stage, i) => {
      const run = exports[`stage${i}`] as (...values: number[]) => void
      if (stage.condition !== undefined && wordValue(stage.condition) === 0) return
      for (let thread = threads - 1; thread >= 0; thread--) {
        const [first, limit] = [thread, thread + 1].map((each) => Math.ceil((stage.units * each) / threads))
        const own = scratch + table.sharedBytes + thread * table.ownBytes
        if (first < limit) run(...stage.words.map(wordValue), own, first, limit)
      }
    })
    return contents()
  }
}

/**
 * The arrays after the stages of a kernel ran on them, the shares of all threads one after another, the last thread
 * first: stages whose shares depended on each other would show. Scratch memory starts as NaN.
 * @throws {Error} if a byte outside the arrays changed.
 */
export const runKernel = (
  kernel: Kernel,
  arrays: readonly TypedArray[],
  options: StageRun = {},
): TypedArray[] => prepareKernel(kernel, arrays, options)(options.threads ?? 1)

/** The arrays after the interpreter ran the kernel; arrays it writes start as `unwritten`. */
export function interpret(kernel: Kernel, arrays: readonly TypedArray[]): TypedArray[] {
  const written = [...new Set(writesOfKernel(kernel).map(({ buffer }) => buffer))]
  const read = arrays.flatMap((_, i) => (written.includes(i) ? [] : [i]))
  const program = {
    name: 'single',
    buffers: arrays.map((array, i) => ({
      dtype: dtypeOf(array),
      elements: array.length,
      role: written.includes(i) ? ('output' as const) : ('input' as const),
    })),
    inputs: read,
    outputs: written,
    kernels: [kernel],
  }
  const plan = { poolBytes: [], poolOf: arrays.map(() => -1), donorOf: written.map(() => -1) }
  const outputs = interpretKernels(
    program,
    plan,
    read.map((i) => arrays[i]),
  )
  return arrays.map((array, i) => (written.includes(i) ? outputs[written.indexOf(i)] : array))
}

/** The first byte in which two arrays of one length differ, or −1. */
function firstDifference(a: TypedArray, b: TypedArray): number {
  const [left, right] = [a, b].map((array) => new Uint8Array(array.buffer))
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return i
  return -1
}

/**
 * The arrays after the kernel ran.
 * @throws {Error} if two, three or four threads do not give the same bits as one.
 */
export function runShared(
  kernel: Kernel,
  arrays: readonly TypedArray[],
  options: StageRun = {},
): TypedArray[] {
  const run = prepareKernel(kernel, arrays, options)
  const got = run(1)
  for (const threads of [2, 3, 4]) {
    run(threads).forEach((array, i) => {
      const place = firstDifference(array, got[i])
      if (place >= 0)
        throw new Error(`array ${i}: byte ${place} depends on the number of threads (${threads})`)
    })
  }
  return got
}

/** `runShared`, and the arrays after the interpreter ran the kernel; outputs are `unwritten` before. */
export const runBoth = (
  kernel: Kernel,
  arrays: readonly TypedArray[],
  options: StageRun = {},
): { got: TypedArray[]; want: TypedArray[] } => ({
  got: runShared(kernel, arrays, options),
  want: interpret(kernel, arrays),
})

/** An output before it is written: all bits set, as the interpreter's, which is NaN or −1. */
export function unwritten(dtype: Dtype, length: number): TypedArray {
  const array = typedArray(dtype, length)
  new Uint8Array(array.buffer).fill(0xff)
  return array
}

/** `length` reproducible numbers: floats in [−2, 2), integers in [−9, 9] or [0, 18], booleans. */
export function sampleArray(dtype: Dtype, length: number, seed: number): TypedArray {
  const array = typedArray(dtype, length)
  for (let i = 0; i < length; i++) {
    const fraction = ((i + 1) * 0.61803398875 + seed * 0.7548776662) % 1
    array[i] =
      dtype === 'float32'
        ? fraction * 4 - 2
        : Math.floor(fraction * (dtype === 'bool' ? 2 : 19)) - (dtype === 'int32' ? 9 : 0)
  }
  return array
}

/** Shapes of up to `rank` axes: short and longer ones, a few thousand elements at most. */
export const domainArbitrary = (rank: number, least = 0): fc.Arbitrary<number[]> =>
  fc
    .array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 4, max: 40 })), {
      minLength: least,
      maxLength: rank,
    })
    .filter((shape) => shape.reduce((product, extent) => product * extent, 1) <= 6000)

/** Sizes of a unit of cheap work: many units, some, or one for all that tests have. */
export const unitArbitrary: fc.Arbitrary<number> = fc.constantFrom(16, 64, 250, 1e6)

/** A view whose elements are distinct, except along axes of stride 0 where `broadcasts`. */
export const viewArbitrary = (domain: readonly number[], broadcasts: boolean): fc.Arbitrary<View> =>
  fc
    .record({
      order: fc.shuffledSubarray([...domain.keys()], { minLength: domain.length }),
      isPlain: fc.boolean(),
      steps: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: domain.length, maxLength: domain.length }),
      gaps: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: domain.length, maxLength: domain.length }),
      stretched: fc.array(fc.integer({ min: 0, max: 3 }), {
        minLength: domain.length,
        maxLength: domain.length,
      }),
      offset: fc.integer({ min: 0, max: 5 }),
    })
    .map(({ order, isPlain, steps, gaps, stretched, offset }) => {
      const strides = domain.map(() => 0)
      let stride = 1
      for (const axis of isPlain ? [...domain.keys()].reverse() : order) {
        if (broadcasts && stretched[axis] === 0) continue
        const step = isPlain ? 1 : steps[axis]
        strides[axis] = stride * step
        stride = stride * step * domain[axis] + (isPlain ? 0 : gaps[axis])
      }
      return { offset, strides }
    })

/** Elements a buffer needs for a view. */
export const extentOf = ({ offset, strides }: View, domain: readonly number[]): number =>
  strides.reduce((last, stride, axis) => last + stride * (domain[axis] - 1), offset + 1)

export const load = (buffer: number, view: View, dtype: Dtype = 'float32'): ScalarNode => ({
  kind: 'load',
  buffer,
  view,
  dtype,
})

export const apply = (
  primitive: Extract<ScalarNode, { kind: 'apply' }>['primitive'],
  operands: readonly number[],
  dtype: Dtype = 'float32',
): ScalarNode => ({ kind: 'apply', primitive, operands, dtype })

/** Positions at which two arrays differ by more than `tolerance`·(1 + |want|). */
export function differences(got: TypedArray, want: TypedArray, tolerance: number): string[] {
  const found: string[] = []
  for (let i = 0; i < want.length && found.length < 3; i++) {
    const near = Math.abs(got[i] - want[i]) <= tolerance * (1 + Math.abs(want[i]))
    if (!near && !Object.is(got[i], want[i])) found.push(`[${i}]: got ${got[i]}, want ${want[i]}`)
  }
  return found
}
