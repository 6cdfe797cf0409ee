// Every plan of a reduction on the same problems, against plain loops.
import type { Dtype, ReduceKernel, TypedArray } from '@hessian-free/tensor'
import { denseView, typedArray } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { testDevice } from '../node/softwareDevice.ts'
import { elementAt, exactValues, forEachIndex } from '../testing/kernelCase.ts'
import type { ReductionRun } from '../testing/reductionCase.ts'
import {
  expectedOf,
  inVectors,
  loadNode,
  nameOf,
  plainReduction,
  plans,
  reduceByLoops,
  resultNode,
  runReduction,
} from '../testing/reductionCase.ts'
import { keepsVectors, reducesVectors } from './reductionPlan.ts'

const requested = await testDevice()
const onDevice = it.skipIf(requested === undefined)

const run = (
  kernel: ReduceKernel,
  buffers: readonly { readonly dtype: Dtype; readonly elements: number }[],
  inputs: readonly TypedArray[],
  options: ReductionRun = {},
): Promise<TypedArray[]> => runReduction(requested!, kernel, buffers, inputs, options)

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
        loadNode(0, a, 'float32'),
        loadNode(1, b, 'float32'),
        { kind: 'apply', primitive: 'multiply', operands: [0, 1], dtype: 'float32' },
      ],
      operand: 2,
      epilogue: [
        resultNode('float32'),
        loadNode(2, c, 'float32'),
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

  onDevice('reduces four kept elements side by side', async () => {
    const [kept, reduced] = [
      [3, 8],
      [5, 7],
    ]
    // a has the kept axis innermost, b is the same along it; c scales every column of the result.
    const a = { offset: 4, strides: [8, 1, 168, 24] }
    const b = { offset: 1, strides: [35, 0, 7, 1] }
    const c = { offset: 0, strides: [0, 1] }
    const values = [844, 106, 8].map((elements, i) => exactValues('float32', elements, i + 1))
    const withNaN = values[0].slice()
    withNaN[4 + 8 + 3] = NaN
    for (const reducer of ['sum', 'max'] as const) {
      const kernel: ReduceKernel = {
        kind: 'reduce',
        reducer,
        kept,
        reduced,
        nodes: [
          loadNode(0, a, 'float32'),
          loadNode(1, b, 'float32'),
          { kind: 'apply', primitive: 'multiply', operands: [0, 1], dtype: 'float32' },
        ],
        operand: 2,
        epilogue: [
          resultNode('float32'),
          loadNode(2, c, 'float32'),
          { kind: 'apply', primitive: 'multiply', operands: [0, 1], dtype: 'float32' },
        ],
        stores: [
          { node: 2, buffer: 3, view: { offset: 4, strides: [12, 1] } },
          { node: 0, buffer: 4, view: denseView(kept) },
        ],
      }
      expect(keepsVectors(kernel)).toBe(true)
      const inputs = reducer === 'max' ? [withNaN, values[1], values[2]] : values
      const scaled = new Float32Array(40).fill(NaN)
      const plain = new Float32Array(24)
      forEachIndex(kept, (outer, position) => {
        const products: number[] = []
        forEachIndex(reduced, (inner) => {
          const index = [...outer, ...inner]
          products.push(inputs[0][elementAt(a, index)] * inputs[1][elementAt(b, index)])
        })
        plain[position] = reduceByLoops(reducer, 'float32', products)
        scaled[4 + 12 * outer[0] + outer[1]] = plain[position] * inputs[2][outer[1]]
      })
      const buffers = [844, 106, 8, 40, 24].map((elements) => ({ dtype: 'float32' as const, elements }))
      const chosen = { ...plan, vectorAxis: 'kept' as const }
      expect(await run(kernel, buffers, inputs, { plan: chosen })).toEqual([scaled, plain])
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
