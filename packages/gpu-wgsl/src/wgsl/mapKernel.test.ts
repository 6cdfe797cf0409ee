// Element-wise kernels against plain loops: views of every kind, vectors, tiles, in place, many workgroups.
import type { Dtype, Kernel, MapKernel, ScalarNode, Shape, TypedArray, View } from '@hessian-free/tensor'
import { denseView, typedArray } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { testDevice } from '../node/softwareDevice.ts'
import type { PlacedView } from '../testing/arbitraryView.ts'
import { arbitraryDomain, arbitraryReadView, arbitraryStoreView } from '../testing/arbitraryView.ts'
import { elementAt, exactValues, forEachIndex, singleKernelProgram } from '../testing/kernelCase.ts'
import { runKernelProgram } from '../testing/runKernelProgram.ts'
import { elementwiseMap, mapKernel, mapsVectors } from './mapKernel.ts'
import type { KernelContext, ShaderDispatch } from './shaderDispatch.ts'
import { planTiles } from './tiledMap.ts'

const requested = await testDevice()
const onDevice = it.skipIf(requested === undefined)

type Generate = (kernel: MapKernel, context: KernelContext) => readonly ShaderDispatch[]

async function run(
  kernel: MapKernel,
  buffers: readonly { dtype: Dtype; elements: number }[],
  inputs: readonly TypedArray[],
  options: {
    readonly generate?: Generate
    readonly capabilities?: Partial<DeviceCapabilities>
    readonly storageOf?: (buffer: number) => number
  } = {},
): Promise<TypedArray[]> {
  const { device, capabilities } = requested!
  const { generate = mapKernel, storageOf } = options
  return runKernelProgram(singleKernelProgram(kernel, buffers), inputs, {
    device,
    capabilities: { ...capabilities, ...options.capabilities },
    generate: (given: Kernel, context) => generate(given as MapKernel, context),
    ...(storageOf === undefined ? {} : { storageOf }),
  })
}

const load = (buffer: number, view: View, dtype: Dtype = 'float32'): ScalarNode => ({
  kind: 'load',
  buffer,
  view,
  dtype,
})
const apply = (
  primitive: Extract<ScalarNode, { kind: 'apply' }>['primitive'],
  operands: readonly number[],
  dtype: Dtype = 'float32',
): ScalarNode => ({ kind: 'apply', primitive, operands, dtype })

/** out = a · b + c over the views. */
const multiplyAdd = (domain: Shape, views: readonly View[], out: View): MapKernel => ({
  kind: 'map',
  domain,
  nodes: [
    ...views.map((view, buffer) => load(buffer, view)),
    apply('multiply', [0, 1]),
    apply('add', [3, 2]),
  ],
  stores: [{ node: 4, buffer: 3, view: out }],
})

const float32 = ({ elements }: PlacedView): { dtype: 'float32'; elements: number } => ({
  dtype: 'float32',
  elements,
})

/** What the kernel must leave in a buffer of `elements`, where nobody else writes: NaN elsewhere. */
function multiplyAddByLoops(
  { domain, nodes, stores }: MapKernel,
  inputs: readonly TypedArray[],
  elements: number,
) {
  const result = new Float32Array(elements).fill(NaN)
  const views = nodes.slice(0, 3).map((node) => (node as { readonly view: View }).view)
  forEachIndex(domain, (index) => {
    const [a, b, c] = views.map((view, i) => inputs[i][elementAt(view, index)])
    result[elementAt(stores[0].view, index)] = a * b + c
  })
  return result
}

const arbitraryMultiplyAdd = arbitraryDomain.chain((domain) =>
  fc.record({
    domain: fc.constant(domain),
    reads: fc.tuple(arbitraryReadView(domain), arbitraryReadView(domain), arbitraryReadView(domain)),
    out: arbitraryStoreView(domain),
    slack: fc.constantFrom(0, 0, 1, 5),
  }),
)

async function checkMultiplyAdd(
  domain: Shape,
  reads: readonly PlacedView[],
  out: PlacedView,
  options: Parameters<typeof run>[3] = {},
): Promise<void> {
  const inputs = reads.map(({ elements }, i) => exactValues('float32', elements, i + 1))
  const kernel = multiplyAdd(
    domain,
    reads.map(({ view }) => view),
    out.view,
  )
  const [result] = await run(kernel, [...reads.map(float32), float32(out)], inputs, options)
  expect(result).toEqual(multiplyAddByLoops(kernel, inputs, out.elements))
}

const dense = (domain: Shape): PlacedView => ({
  view: denseView(domain),
  elements: domain.reduce((product, extent) => product * extent, 1),
})

describe('a map', () => {
  onDevice('computes through any views what plain loops compute, and touches nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryMultiplyAdd, ({ domain, reads, out, slack }) =>
        checkMultiplyAdd(domain, reads, { ...out, elements: out.elements + slack }),
      ),
      { numRuns: 40 },
    )
  })

  onDevice('computes the same element by element as in vectors', async () => {
    const domain = [6, 8]
    const columns = { view: { offset: 0, strides: [0, 1] }, elements: 8 }
    const rows = { view: { offset: 2, strides: [1, 0] }, elements: 8 }
    for (const lanes of [1, 4] as const) {
      const generate: Generate = (kernel, context) => {
        expect(mapsVectors(kernel, context)).toBe(true)
        return [elementwiseMap(kernel, context, lanes)]
      }
      await checkMultiplyAdd(domain, [dense(domain), columns, rows], dense(domain), { generate })
    }
  })

  onDevice.each([1, 2, 3, 4, 5, 63, 64, 65, 1027, 4099])(
    'computes %i elements in vectors and the rest',
    async (count) => {
      const domain = [count]
      await checkMultiplyAdd(domain, [dense(domain), dense(domain), dense(domain)], dense(domain))
    },
  )

  onDevice('leaves alone what follows a part of a buffer that is no whole vector', async () => {
    const domain = [10]
    const part = { view: { offset: 4, strides: [1] }, elements: 17 }
    await checkMultiplyAdd(domain, [dense(domain), dense(domain), dense(domain)], part)
  })

  onDevice('stores values of every dtype, each into a buffer of its own', async () => {
    const dtypes = ['float32', 'int32', 'uint32', 'bool'] as const
    for (const domain of [[7], [8], []]) {
      const { elements } = dense(domain)
      const kernel: MapKernel = {
        kind: 'map',
        domain,
        nodes: dtypes.map((dtype, buffer) => load(buffer, denseView(domain), dtype)),
        stores: dtypes.map((_, node) => ({ node, buffer: 4 + node, view: denseView(domain) })),
      }
      const inputs = dtypes.map((dtype) => exactValues(dtype, elements, 5))
      const buffers = [...dtypes, ...dtypes].map((dtype) => ({ dtype, elements }))
      expect(await run(kernel, buffers, inputs)).toEqual(inputs)
    }
  })

  onDevice('numbers indices in every dtype', async () => {
    const dtypes = ['float32', 'int32', 'uint32', 'bool'] as const
    for (const domain of [
      [3, 5],
      [3, 8],
    ]) {
      const view = { offset: 2, strides: [7, 3] }
      const kernel: MapKernel = {
        kind: 'map',
        domain,
        nodes: dtypes.map((dtype) => ({ kind: 'index', view, dtype })),
        stores: dtypes.map((_, node) => ({ node, buffer: node, view: denseView(domain) })),
      }
      const { elements } = dense(domain)
      const results = await run(
        kernel,
        dtypes.map((dtype) => ({ dtype, elements })),
        [],
      )
      dtypes.forEach((dtype, i) => {
        const expected = typedArray(dtype, elements)
        forEachIndex(domain, (index, position) => {
          expected[position] = dtype === 'bool' ? 1 : elementAt(view, index)
        })
        expect(results[i]).toEqual(expected)
      })
    }
  })

  onDevice(
    'reads an element before it overwrites it where a store shares the storage of a load',
    async () => {
      for (const domain of [[7], [1024], [5, 12]]) {
        const { elements, view } = dense(domain)
        // a and b trade places: each result lands where the other operand was.
        const kernel: MapKernel = {
          kind: 'map',
          domain,
          nodes: [
            load(0, view),
            load(1, view, 'int32'),
            apply('convert', [0], 'int32'),
            apply('convert', [1]),
          ],
          stores: [
            { node: 2, buffer: 2, view },
            { node: 3, buffer: 3, view },
          ],
        }
        const numbers = exactValues('int32', elements, 1)
        const inputs = [Float32Array.from(numbers), exactValues('int32', elements, 2)]
        const buffers = (['float32', 'int32', 'int32', 'float32'] as const).map((dtype) => ({
          dtype,
          elements,
        }))
        const results = await run(kernel, buffers, inputs, { storageOf: (buffer) => buffer % 2 })
        expect(results[0]).toEqual(numbers)
        expect([...results[1]]).toEqual([...inputs[1]])
      }
    },
  )

  onDevice('covers more workgroups than one axis of a dispatch holds', async () => {
    const domain = [65_536 * 64 + 3]
    // Every second element keeps the kernel from using vectors.
    const kernel: MapKernel = {
      kind: 'map',
      domain,
      nodes: [{ kind: 'index', view: { offset: 1, strides: [1] }, dtype: 'int32' }],
      stores: [{ node: 0, buffer: 0, view: { offset: 1, strides: [1] } }],
    }
    const [result] = await run(kernel, [{ dtype: 'int32', elements: domain[0] + 1 }], [])
    expect(result[0]).toBe(-1)
    expect(result.findIndex((value, i) => i > 0 && value !== i)).toBe(-1)
  })

  onDevice('covers a grid whose last row is part full', async () => {
    const domain = [1000]
    const out = { view: { offset: 1, strides: [1] }, elements: 1001 }
    await checkMultiplyAdd(domain, [dense(domain), dense(domain), dense(domain)], out, {
      capabilities: { maximumWorkgroupsPerAxis: 5 },
    })
  })
})

describe('a map that transposes', () => {
  const hardware = { isSoftware: false, maximumWorkgroupInvocations: 256 }
  const transposed = (rows: number, columns: number): PlacedView => ({
    view: { offset: 0, strides: [1, rows] },
    elements: rows * columns,
  })

  onDevice.each([
    [128, 128],
    [33, 500],
    [500, 33],
  ])('goes through tiles at %i × %i', async (rows, columns) => {
    const domain = [rows, columns]
    const reads = [
      dense(domain),
      transposed(rows, columns),
      { view: { offset: 0, strides: [0, 1] }, elements: columns },
    ]
    const kernel = multiplyAdd(
      domain,
      reads.map(({ view }) => view),
      denseView(domain),
    )
    expect(planTiles(kernel, { ...requested!.capabilities, ...hardware })?.loads).toHaveLength(1)
    await checkMultiplyAdd(domain, reads, dense(domain), { capabilities: hardware })
  })

  onDevice('keeps other axes apart, and several transposed operands', async () => {
    const domain = [3, 40, 5, 37]
    const size = dense(domain).elements
    const exchanged = { view: { offset: 0, strides: [40 * 5 * 37, 1, 40 * 37, 40] }, elements: size }
    const shared = { view: { offset: 7, strides: [0, 1, 0, 40] }, elements: 7 + 40 * 37 }
    const reads = [exchanged, shared, dense(domain)]
    const kernel = multiplyAdd(
      domain,
      reads.map(({ view }) => view),
      denseView(domain),
    )
    expect(planTiles(kernel, { ...requested!.capabilities, ...hardware })).toMatchObject({ axis: 1 })
    await checkMultiplyAdd(domain, reads, dense(domain), { capabilities: hardware })
  })

  onDevice('may store over a load, also one that went through a tile', async () => {
    const [rows, columns] = [130, 140]
    const domain = [rows, columns]
    const { elements, view } = transposed(rows, columns)
    const kernel: MapKernel = {
      kind: 'map',
      domain,
      nodes: [load(0, denseView(domain)), load(1, view), apply('add', [0, 1]), apply('subtract', [0, 1])],
      stores: [
        { node: 2, buffer: 2, view: denseView(domain) },
        { node: 3, buffer: 3, view },
      ],
    }
    const inputs = [exactValues('float32', elements, 1), exactValues('float32', elements, 2)]
    const results = await run(
      kernel,
      [0, 1, 2, 3].map(() => ({ dtype: 'float32', elements })),
      inputs,
      { capabilities: hardware, storageOf: (buffer) => buffer % 2 },
    )
    const sums = new Float32Array(elements)
    const differences = new Float32Array(elements)
    forEachIndex(domain, (index, i) => {
      const j = elementAt(view, index)
      sums[i] = inputs[0][i] + inputs[1][j]
      differences[j] = inputs[0][i] - inputs[1][j]
    })
    expect(results).toEqual([sums, differences])
  })

  it('takes no tiles where they do not pay: on a processor, for few elements, for short axes', () => {
    const device = { ...hardware, maximumWorkgroupBytes: 16_384 } as DeviceCapabilities
    const planOf = (rows: number, columns: number, capabilities = device) =>
      planTiles(
        multiplyAdd(
          [rows, columns],
          [transposed(rows, columns).view, denseView([rows, columns]), denseView([rows, columns])],
          denseView([rows, columns]),
        ),
        capabilities,
      )
    expect(planOf(200, 200)).toMatchObject({ axis: 0 })
    expect(planOf(200, 200, { ...device, isSoftware: true })).toBeUndefined()
    expect(planOf(20, 20)).toBeUndefined()
    expect(planOf(4, 40_000)).toBeUndefined()
  })
})
