// Gathers, scatters and random bits against plain loops and against the definition of the random bits.
import type {
  Dtype,
  GatherKernel,
  Kernel,
  RandomBitsKernel,
  ScatterAddKernel,
  TypedArray,
} from '@hessian-free/tensor'
import { randomBits, typedArray } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import { testDevice } from '../node/softwareDevice.ts'
import { exactValues, forEachIndex, singleKernelProgram } from '../testing/kernelCase.ts'
import { runKernelProgram } from '../testing/runKernelProgram.ts'
import { gatherKernel } from './gatherKernel.ts'
import { randomBitsKernel } from './randomBitsKernel.ts'
import { planScatter, scatterAddDispatches } from './scatterAddKernel.ts'
import type { KernelContext, ShaderDispatch } from './shaderDispatch.ts'

const requested = await testDevice()
const onDevice = it.skipIf(requested === undefined)

async function run<K extends Kernel>(
  kernel: K,
  buffers: readonly { dtype: Dtype; elements: number }[],
  inputs: readonly TypedArray[],
  generate: (kernel: K, context: KernelContext) => readonly ShaderDispatch[],
): Promise<TypedArray> {
  const { device, capabilities } = requested!
  const [result] = await runKernelProgram(singleKernelProgram(kernel, buffers), inputs, {
    device,
    capabilities,
    generate: (given, context) => generate(given as K, context),
  })
  return result
}

/** Indices that repeat, and some beyond both ends. */
const indicesOf = (count: number, extent: number): Int32Array =>
  Int32Array.from({ length: count }, (_, c) =>
    c % 5 === 3 ? (c % 2 === 0 ? -3 : extent + 7) : (c * 7) % extent,
  )

const clamped = (index: number, extent: number): number => Math.min(extent - 1, Math.max(0, index))

/** All multiples of four (vectors), some, none, and single elements. */
const sizes = [
  { outer: 2, extent: 5, count: 9, inner: 8, offset: 4 },
  { outer: 2, extent: 5, count: 9, inner: 8, offset: 2 },
  { outer: 3, extent: 4, count: 3, inner: 5, offset: 0 },
  { outer: 1, extent: 100, count: 70, inner: 1, offset: 3 },
  { outer: 1, extent: 1, count: 1, inner: 1, offset: 0 },
]

describe.each(sizes)('with $outer × $extent × $inner, $count indices, from element $offset', (size) => {
  const { outer, extent, count, inner, offset } = size
  const indices = indicesOf(count + 1, extent)
  // The first index belongs to nobody.
  const used = indices.subarray(1)

  onDevice.each(['float32', 'int32', 'uint32', 'bool'] as const)(
    'a gather takes rows of %s',
    async (dtype) => {
      const elements = offset + outer * extent * inner
      const operand = exactValues(dtype, elements)
      const kernel: GatherKernel = {
        kind: 'gather',
        dtype,
        outer,
        extent,
        count,
        inner,
        operand: { buffer: 0, offset },
        indices: { buffer: 1, offset: 1 },
        output: { buffer: 2, offset: 0 },
      }
      const expected = typedArray(dtype, outer * count * inner)
      forEachIndex([outer, count, inner], ([o, c, i], position) => {
        expected[position] = operand[offset + (o * extent + clamped(used[c], extent)) * inner + i]
      })
      const buffers = [
        { dtype, elements },
        { dtype: 'int32' as const, elements: count + 1 },
        { dtype, elements: expected.length },
      ]
      expect(await run(kernel, buffers, [operand, indices], gatherKernel)).toEqual(expected)
    },
  )

  onDevice.each([
    ['search', 'float32'],
    ['sequence', 'float32'],
    ['search', 'int32'],
    ['sequence', 'uint32'],
  ] as const)('a scatter by %s adds rows of %s in order', async (strategy, dtype) => {
    const elements = offset + outer * extent * inner
    // Sums of these round, and differently in another order.
    const rough = (values: TypedArray): TypedArray =>
      dtype === 'float32'
        ? Float32Array.from(values, (value, i) => Math.exp(value) * (1 + 1 / (i + 3)))
        : values
    const operand = rough(exactValues(dtype, elements, 1))
    const updates = rough(exactValues(dtype, offset + outer * count * inner, 2))
    const kernel: ScatterAddKernel = {
      kind: 'scatterAdd',
      dtype,
      outer,
      extent,
      count,
      inner,
      operand: { buffer: 0, offset },
      indices: { buffer: 1, offset: 1 },
      updates: { buffer: 2, offset },
      output: { buffer: 3, offset: 0 },
    }
    const expected = operand.slice(offset)
    forEachIndex([outer, count, inner], ([o, c, i], position) => {
      expected[(o * extent + clamped(used[c], extent)) * inner + i] += updates[offset + position]
    })
    const buffers = [
      { dtype, elements },
      { dtype: 'int32' as const, elements: count + 1 },
      { dtype, elements: updates.length },
      { dtype, elements: expected.length },
    ]
    const got = await run(kernel, buffers, [operand, indices, updates], (given, context) =>
      scatterAddDispatches(given, context, strategy),
    )
    expect(got).toEqual(expected)
  })
})

it('searches on hardware unless there is very much to search, and on a processor only few rows', () => {
  const kernelOf = (extent: number, inner: number): ScatterAddKernel => ({
    kind: 'scatterAdd',
    dtype: 'float32',
    outer: 1,
    extent,
    count: 1000,
    inner,
    operand: { buffer: 0, offset: 0 },
    indices: { buffer: 1, offset: 0 },
    updates: { buffer: 2, offset: 0 },
    output: { buffer: 3, offset: 0 },
  })
  const software = { ...guaranteedCapabilities, isSoftware: true }
  expect(planScatter(kernelOf(1000, 100), guaranteedCapabilities)).toBe('search')
  expect(planScatter(kernelOf(50_000, 300), guaranteedCapabilities)).toBe('sequence')
  expect(planScatter(kernelOf(2, 100), software)).toBe('search')
  expect(planScatter(kernelOf(1000, 100), software)).toBe('sequence')
})

describe('random bits', () => {
  const kernelOf = (count: number, offset: number): RandomBitsKernel => ({
    kind: 'randomBits',
    count,
    key: { buffer: 0, offset: 1 },
    output: { buffer: 1, offset },
  })
  const key = Uint32Array.of(99, 0xdeadbeef, 0x12345678)

  onDevice.each([1, 3, 4, 5, 7, 8, 9, 12, 13, 100, 1001, 4096])(
    'are those of the definition, %i of them',
    async (count) => {
      const buffers = [
        { dtype: 'uint32' as const, elements: 3 },
        { dtype: 'uint32' as const, elements: count },
      ]
      expect(await run(kernelOf(count, 0), buffers, [key], randomBitsKernel)).toEqual(
        randomBits([0xdeadbeef, 0x12345678], count),
      )
    },
  )

  onDevice.each([
    { count: 13, offset: 0, elements: 15 },
    { count: 13, offset: 4, elements: 20 },
    { count: 16, offset: 3, elements: 19 },
    { count: 12, offset: 4, elements: 20 },
  ])(
    'go into $count elements from $offset of $elements and nowhere else',
    async ({ count, offset, elements }) => {
      const buffers = [
        { dtype: 'uint32' as const, elements: 3 },
        { dtype: 'uint32' as const, elements },
      ]
      const expected = new Uint32Array(elements).fill(0xffffffff)
      expected.set(randomBits([0xdeadbeef, 0x12345678], count), offset)
      expect(await run(kernelOf(count, offset), buffers, [key], randomBitsKernel)).toEqual(expected)
    },
  )
})
