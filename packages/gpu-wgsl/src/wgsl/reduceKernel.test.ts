// Reductions against plain loops: every plan on the same problems, all reducers and dtypes, accuracy, repetition.
import type {
  Dtype,
  Kernel,
  ReduceKernel,
  Reducer,
  ScalarNode,
  Shape,
  TypedArray,
  View,
} from '@hessian-free/tensor'
import { denseView, typedArray } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { testDevice } from '../node/softwareDevice.ts'
import type { PlacedView } from '../testing/arbitraryView.ts'
import { arbitraryDomain, arbitraryReadView, arbitraryStoreView } from '../testing/arbitraryView.ts'
import { elementAt, exactValues, forEachIndex, singleKernelProgram } from '../testing/kernelCase.ts'
import { runKernelProgram } from '../testing/runKernelProgram.ts'
import { reduceKernel, reductionDispatches } from './reduceKernel.ts'
import type { ReductionPlan } from './reductionPlan.ts'
import { reducesVectors } from './reductionPlan.ts'

const requested = await testDevice()
const onDevice = it.skipIf(requested === undefined)

interface RunOptions {
  readonly plan?: ReductionPlan
  readonly capabilities?: Partial<DeviceCapabilities>
}

async function run(
  kernel: ReduceKernel,
  buffers: readonly { dtype: Dtype; elements: number }[],
  inputs: readonly TypedArray[],
  { plan, capabilities }: RunOptions = {},
): Promise<TypedArray[]> {
  return runKernelProgram(singleKernelProgram(kernel, buffers), inputs, {
    device: requested!.device,
    capabilities: { ...requested!.capabilities, ...capabilities },
    generate: (given: Kernel, context) =>
      plan === undefined
        ? reduceKernel(given as ReduceKernel, context)
        : reductionDispatches(given as ReduceKernel, context, plan),
  })
}

const load = (buffer: number, view: View, dtype: Dtype): ScalarNode => ({ kind: 'load', buffer, view, dtype })
const result = (dtype: Dtype): ScalarNode => ({ kind: 'result', dtype })

/** out = reducer of the operand, without prologue or epilogue. */
const plainReduction = (
  reducer: Reducer,
  dtype: Dtype,
  kept: Shape,
  reduced: Shape,
  operand: View = denseView([...kept, ...reduced]),
): ReduceKernel => ({
  kind: 'reduce',
  reducer,
  kept,
  reduced,
  nodes: [load(0, operand, dtype)],
  operand: 0,
  epilogue: [result(reducer === 'argMax' ? 'int32' : dtype)],
  stores: [{ node: 0, buffer: 1, view: denseView(kept) }],
})

/** One thread per item, groups of threads along either axis, with and without chunks that nothing divides. */
const plans: readonly ReductionPlan[] = [
  { items: 4, folds: 1, neighbours: 'items', chunks: 1, lanes: 1 },
  { items: 1, folds: 8, neighbours: 'folds', chunks: 1, lanes: 1 },
  { items: 4, folds: 2, neighbours: 'folds', chunks: 1, lanes: 1 },
  { items: 8, folds: 4, neighbours: 'items', chunks: 1, lanes: 1 },
  { items: 2, folds: 4, neighbours: 'items', chunks: 3, lanes: 1 },
  { items: 4, folds: 1, neighbours: 'items', chunks: 5, lanes: 1 },
  { items: 1, folds: 4, neighbours: 'folds', chunks: 2, lanes: 1 },
]

const nameOf = ({ items, folds, neighbours, chunks, lanes }: ReductionPlan): string =>
  `${items} items × ${folds} folds, neighbours ${neighbours}, ${chunks} chunks, ${lanes} lanes`

const inVectors = (plan: ReductionPlan): ReductionPlan => ({ ...plan, lanes: 4 })

/** (operand, result) of a reduction by plain loops; sums in float64. */
function reduceByLoops(reducer: Reducer, dtype: Dtype, values: readonly number[]): number {
  if (reducer === 'sum') {
    const sum = values.reduce((total, value) => total + value, 0)
    return dtype === 'int32' ? sum | 0 : dtype === 'uint32' ? sum >>> 0 : Math.fround(sum)
  }
  if (reducer === 'max') return Math.max(...values)
  const firstNaN = values.findIndex(Number.isNaN)
  const largest = Math.max(...values)
  return firstNaN >= 0 ? firstNaN : values.findIndex((value) => value === largest)
}

function expectedOf(reducer: Reducer, dtype: Dtype, kept: number, values: TypedArray): TypedArray {
  const expected = typedArray(reducer === 'argMax' ? 'int32' : dtype, kept)
  const length = values.length / kept
  for (let i = 0; i < kept; i++) {
    expected[i] = reduceByLoops(reducer, dtype, [...values.subarray(i * length, (i + 1) * length)])
  }
  return expected
}

describe.each(plans.map((plan) => ({ name: nameOf(plan), plan })))('a reduction by $name', ({ plan }) => {
  onDevice('sums products of rows and columns into an epilogue with several stores', async () => {
    const [kept, reduced] = [
      [3, 5],
      [4, 9],
    ]
    // a dense; b without the first kept axis, transposed; the result scaled by c and by itself, stored transposed too.
    const a = denseView([...kept, ...reduced])
    const b = { offset: 1, strides: [0, 1, 45, 5] }
    const c = { offset: 0, strides: [1, 0] }
    const kernel: ReduceKernel = {
      kind: 'reduce',
      reducer: 'sum',
      kept,
      reduced,
      nodes: [
        load(0, a, 'float32'),
        load(1, b, 'float32'),
        { kind: 'apply', primitive: 'multiply', operands: [0, 1], dtype: 'float32' },
      ],
      operand: 2,
      epilogue: [
        result('float32'),
        load(2, c, 'float32'),
        { kind: 'apply', primitive: 'multiply', operands: [0, 1], dtype: 'float32' },
        { kind: 'apply', primitive: 'less', operands: [0, 1], dtype: 'bool' },
      ],
      stores: [
        { node: 2, buffer: 3, view: denseView(kept) },
        { node: 0, buffer: 4, view: { offset: 2, strides: [1, 3] } },
        { node: 3, buffer: 5, view: denseView(kept) },
      ],
    }
    const inputs = [540, 181, 3].map((elements, i) => exactValues('float32', elements, i + 1))
    const buffers = [
      ...[540, 181, 3, 15, 17].map((elements) => ({ dtype: 'float32' as const, elements })),
      { dtype: 'bool' as const, elements: 15 },
    ]
    const scaled = new Float32Array(15)
    const moved = new Float32Array(17).fill(NaN)
    const smaller = typedArray('bool', 15)
    forEachIndex(kept, (outer, position) => {
      let sum = 0
      forEachIndex(reduced, (inner) => {
        const index = [...outer, ...inner]
        sum += inputs[0][elementAt(a, index)] * inputs[1][elementAt(b, index)]
      })
      const factor = inputs[2][outer[0]]
      scaled[position] = sum * factor
      moved[2 + outer[0] + 3 * outer[1]] = sum
      smaller[position] = sum < factor ? 1 : 0
    })
    expect(await run(kernel, buffers, inputs, { plan })).toEqual([scaled, moved, smaller])
  })

  onDevice.each([
    { kept: 1, length: 1 },
    { kept: 1, length: 37 },
    { kept: 7, length: 3 },
    { kept: 9, length: 64 },
  ])('takes maxima and their positions, NaN the largest: $kept × $length', async ({ kept, length }) => {
    const values = exactValues('float32', kept * length, 3) as Float32Array
    values[Math.floor(values.length / 3)] = NaN
    values[Math.floor(values.length / 2)] = -0
    const buffers = (dtype: Dtype) => [
      { dtype: 'float32' as const, elements: values.length },
      { dtype, elements: kept },
    ]
    for (const reducer of ['max', 'argMax'] as const) {
      const kernel = plainReduction(reducer, 'float32', [kept], [length])
      const dtype = reducer === 'max' ? 'float32' : 'int32'
      for (const chosen of reducesVectors(kernel) ? [plan, inVectors(plan)] : [plan]) {
        const [got] = await run(kernel, buffers(dtype), [values], { plan: chosen })
        expect(got).toEqual(expectedOf(reducer, 'float32', kept, values))
      }
    }
  })

  onDevice('reads vectors, and single elements after the last whole one', async () => {
    for (const length of [4, 5, 31, 66]) {
      const kernel = plainReduction('sum', 'float32', [], [length], { offset: 4, strides: [1] })
      expect(reducesVectors(kernel)).toBe(true)
      const values = exactValues('float32', length + 4, length)
      const [got] = await run(
        kernel,
        [
          { dtype: 'float32', elements: length + 4 },
          { dtype: 'float32', elements: 1 },
        ],
        [values],
        { plan: inVectors(plan) },
      )
      expect(got).toEqual(expectedOf('sum', 'float32', 1, values.subarray(4)))
    }
  })
})

describe('a reduction', () => {
  const arbitrarySum = fc.tuple(arbitraryDomain, arbitraryDomain).chain(([kept, reduced]) =>
    fc.record({
      kept: fc.constant(kept),
      reduced: fc.constant(reduced),
      reads: fc.tuple(arbitraryReadView([...kept, ...reduced]), arbitraryReadView([...kept, ...reduced])),
      out: arbitraryStoreView(kept),
      // The device as it is, or plans as for hardware with small workgroups.
      capabilities: fc.constantFrom<Partial<DeviceCapabilities>>(
        {},
        {
          isSoftware: false,
          maximumWorkgroupInvocations: 16,
        },
      ),
    }),
  )
  const float32 = ({ elements }: PlacedView): { dtype: 'float32'; elements: number } => ({
    dtype: 'float32',
    elements,
  })

  onDevice('sums through any views what plain loops sum, and touches nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySum, async ({ kept, reduced, reads, out, capabilities }) => {
        const kernel: ReduceKernel = {
          ...plainReduction('sum', 'float32', kept, reduced),
          nodes: [
            ...reads.map(({ view }, buffer) => load(buffer, view, 'float32')),
            { kind: 'apply', primitive: 'add', operands: [0, 1], dtype: 'float32' },
          ],
          operand: 2,
          stores: [{ node: 0, buffer: 2, view: out.view }],
        }
        const inputs = reads.map(({ elements }, i) => exactValues('float32', elements, i + 1))
        const expected = new Float32Array(out.elements).fill(NaN)
        forEachIndex(kept, (outer) => {
          let sum = 0
          forEachIndex(reduced, (inner) => {
            const index = [...outer, ...inner]
            reads.forEach(({ view }, i) => (sum += inputs[i][elementAt(view, index)]))
          })
          expected[elementAt(out.view, outer)] = sum
        })
        const [got] = await run(kernel, [...reads.map(float32), float32(out)], inputs, { capabilities })
        expect(got).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  onDevice(
    'reduces integers of both kinds: sums wrap, and the extreme values are values like others',
    async () => {
      const extremes = {
        int32: [-(2 ** 31), 2 ** 31 - 1, 5, -(2 ** 31), 2 ** 31 - 1, 2 ** 31 - 1, 7, -1],
        uint32: [0, 2 ** 32 - 1, 5, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 1, 7, 1],
      }
      for (const dtype of ['int32', 'uint32'] as const) {
        const values = typedArray(dtype, 16)
        values.set(extremes[dtype])
        values.fill(dtype === 'int32' ? -(2 ** 31) : 0, 8)
        for (const reducer of ['sum', 'max', 'argMax'] as const) {
          const out = reducer === 'argMax' ? 'int32' : dtype
          const buffers = [
            { dtype, elements: 16 },
            { dtype: out, elements: 2 },
          ] as const
          for (const plan of [plans[0], inVectors(plans[4])]) {
            const kernel = plainReduction(reducer, dtype, [2], [8])
            const [got] = await run(kernel, buffers, [values], { plan })
            expect(got).toEqual(expectedOf(reducer, dtype, 2, values))
          }
        }
      }
    },
  )

  onDevice('tells −0 from 0 in maxima, takes them for equals in positions, and knows −Infinity', async () => {
    const values = Float32Array.of(-1, -0, 0, -3, -Infinity, -Infinity, -Infinity, -Infinity, -0, -0, -0, -0)
    const buffers = (dtype: Dtype) => [
      { dtype: 'float32' as const, elements: 12 },
      { dtype, elements: 3 },
    ]
    for (const plan of [plans[0], inVectors(plans[1])]) {
      const [largest] = await run(plainReduction('max', 'float32', [3], [4]), buffers('float32'), [values], {
        plan,
      })
      expect([...largest]).toEqual([0, -Infinity, -0])
      const [first] = await run(plainReduction('argMax', 'float32', [3], [4]), buffers('int32'), [values], {
        plan,
      })
      expect([...first]).toEqual([1, 0, 0])
    }
  })

  onDevice('sums a million numbers to float32 accuracy, the same bits every time', async () => {
    const length = 1_000_003
    const values = Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i) ** 2 + 0.1))
    const exact = values.reduce((sum, value) => sum + value, 0)
    const kernel = plainReduction('sum', 'float32', [], [length])
    const buffers = [
      { dtype: 'float32' as const, elements: length },
      { dtype: 'float32' as const, elements: 1 },
    ]
    // The last is the longest sum that one thread can be given, and keeps about as many bits as √n additions.
    const ways: (RunOptions & { readonly roundings: number })[] = [
      { roundings: 4 },
      { roundings: 4, capabilities: { isSoftware: false, maximumWorkgroupInvocations: 32 } },
      { roundings: 32, plan: { items: 1, folds: 1, neighbours: 'items', chunks: 1, lanes: 1 } },
    ]
    for (const way of ways) {
      const [first] = await run(kernel, buffers, [values], way)
      expect(Math.abs(first[0] - exact) / exact).toBeLessThan(way.roundings * 2 ** -24)
      expect(await run(kernel, buffers, [values], way)).toEqual([first])
    }
  })

  onDevice('covers a grid whose last row is part full, with barriers in every workgroup', async () => {
    const values = exactValues('float32', 37 * 5, 9)
    const buffers = [
      { dtype: 'float32' as const, elements: 37 * 5 },
      { dtype: 'float32' as const, elements: 37 },
    ]
    const kernel = plainReduction('sum', 'float32', [37], [5])
    const capabilities = { maximumWorkgroupsPerAxis: 4 }
    const [got] = await run(kernel, buffers, [values], { plan: plans[2], capabilities })
    expect(got).toEqual(expectedOf('sum', 'float32', 37, values))
  })

  it('stays in one dispatch where a workspace would be a binding too many', () => {
    const views = Array.from({ length: 7 }, (_, buffer) => load(buffer, denseView([1000]), 'float32'))
    const kernel: ReduceKernel = {
      ...plainReduction('sum', 'float32', [], [1000]),
      nodes: [load(0, denseView([1000]), 'float32')],
      epilogue: [result('float32'), ...views.map((node) => ({ ...node, view: denseView([]) }))],
      stores: [{ node: 0, buffer: 7, view: denseView([]) }],
    }
    const dispatches = reductionDispatches(
      kernel,
      {
        device: guaranteedCapabilities,
        specification: () => ({ dtype: 'float32', elements: 1000 }),
        storageOf: (buffer) => buffer,
        workspace: () => 8,
      },
      plans[4],
    )
    expect(dispatches.map(({ bindings }) => bindings.length)).toEqual([8])
  })
})
