// Reductions against plain loops: arbitrary views, all reducers and dtypes, accuracy, repetition.
import type { Dtype, ReduceKernel, TypedArray } from '@hessian-free/tensor'
import { denseView, typedArray } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { testDevice } from '../node/softwareDevice.ts'
import type { PlacedView } from '../testing/arbitraryView.ts'
import { arbitraryDomain, arbitraryReadView, arbitraryStoreView } from '../testing/arbitraryView.ts'
import { elementAt, exactValues, forEachIndex } from '../testing/kernelCase.ts'
import type { ReductionRun } from '../testing/reductionCase.ts'
import {
  expectedOf,
  inVectors,
  loadNode,
  plainReduction,
  plans,
  resultNode,
  runReduction,
} from '../testing/reductionCase.ts'
import { reductionDispatches } from './reduceKernel.ts'

const requested = await testDevice()
const onDevice = it.skipIf(requested === undefined)

const run = (
  kernel: ReduceKernel,
  buffers: readonly { readonly dtype: Dtype; readonly elements: number }[],
  inputs: readonly TypedArray[],
  options: ReductionRun = {},
): Promise<TypedArray[]> => runReduction(requested!, kernel, buffers, inputs, options)

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
            ...reads.map(({ view }, buffer) => loadNode(buffer, view, 'float32')),
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
    const ways: (ReductionRun & { readonly roundings: number })[] = [
      { roundings: 4 },
      { roundings: 4, capabilities: { isSoftware: false, maximumWorkgroupInvocations: 32 } },
      { roundings: 32, plan: { items: 1, folds: 1, neighbours: 'items', chunks: 1, vectorAxis: 'none' } },
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
    const views = Array.from({ length: 7 }, (_, buffer) => loadNode(buffer, denseView([1000]), 'float32'))
    const kernel: ReduceKernel = {
      ...plainReduction('sum', 'float32', [], [1000]),
      nodes: [loadNode(0, denseView([1000]), 'float32')],
      epilogue: [resultNode('float32'), ...views.map((node) => ({ ...node, view: denseView([]) }))],
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
