import type { DotKernel } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import { requestDevice } from '../device/requestDevice.ts'
import { createDawn } from '../node/dawn.ts'
import type { Layout, ProductCase } from '../testing/productCase.ts'
import { place } from '../testing/productCase.ts'
import { candidateVariants } from './candidateVariants.ts'
import { chooseVariant } from './chooseVariant.ts'
import { dotKernelWith } from './dotKernel.ts'
import { fitsDevice, isWellFormed, outputTile, variantKey } from './matrixVariant.ts'
import { splitDepth } from './productFrame.ts'
import { shapeClass } from './shapeClass.ts'

/** As an H100 through Vulkan. */
const largeCard: DeviceCapabilities = {
  ...guaranteedCapabilities,
  maximumWorkgroupInvocations: 1024,
  maximumWorkgroupBytes: 49_152,
}
const software: DeviceCapabilities = { ...guaranteedCapabilities, isSoftware: true, hasSubgroups: true }
const devices = [guaranteedCapabilities, largeCard, software]

function kernelOf({
  batch = 1,
  rows,
  columns,
  depth,
  left = 'dense',
  right = 'dense',
}: ProductCase): DotKernel {
  return {
    kind: 'dot',
    ...{ batch, rows, columns, depth, dtype: 'float32' },
    lhs: { kind: 'load', buffer: 0, view: place([batch, rows, depth], left).view },
    rhs: { kind: 'load', buffer: 1, view: place([batch, depth, columns], right).view },
    epilogue: [{ kind: 'result', dtype: 'float32' }],
    stores: [{ node: 0, buffer: 2, view: place([batch, rows, columns], 'dense').view }],
  }
}

const extents = [1, 2, 4, 5, 17, 30, 64, 250, 784, 4096]
const layouts: readonly Layout[] = ['dense', 'transposed']

const grid = layouts.flatMap((left) =>
  layouts.flatMap((right) =>
    extents.flatMap((rows) =>
      extents.flatMap((columns) =>
        [1, 30, 784, 7500].map((depth) => kernelOf({ rows, columns, depth, left, right })),
      ),
    ),
  ),
)

describe('the choice of a variant', () => {
  it('is valid and fits the device for every shape, as is every candidate; the choice comes first', () => {
    for (const device of devices) {
      for (const kernel of grid) {
        const candidates = candidateVariants(kernel, device)
        expect(candidates[0]).toEqual(chooseVariant(kernel, device))
        expect(candidates.length).toBeLessThanOrEqual(16)
        expect(new Set(candidates.map(variantKey)).size).toBe(candidates.length)
        for (const variant of candidates) {
          expect(isWellFormed(variant) && fitsDevice(variant, device), variantKey(variant)).toBe(true)
        }
      }
    }
  })

  it('on a large card large products take large tiles, and smaller ones enough workgroups', () => {
    expect(variantKey(chooseVariant(kernelOf({ rows: 4096, columns: 4096, depth: 4096 }), largeCard))).toBe(
      'tiled 128x128x16 8x8 single /1',
    )
    for (const [rows, columns, depth] of [
      [512, 1000, 784],
      [30, 30, 7500],
      [250, 500, 7500],
    ]) {
      const variant = chooseVariant(kernelOf({ rows, columns, depth }), largeCard)
      const [tileRows, tileColumns] = outputTile(variant)
      const tiles = Math.ceil(rows / tileRows) * Math.ceil(columns / tileColumns)
      const wanted = Math.min(100, tiles * Math.floor(depth / 256))
      expect(tiles * variant.splits, variantKey(variant)).toBeGreaterThanOrEqual(wanted)
    }
  })

  it('on a processor nothing waits at barriers but sums of great depth', () => {
    for (const kernel of grid) {
      const { rows, columns, depth } = kernel
      const few = rows * columns <= 16 && depth >= 256
      expect(chooseVariant(kernel, { ...software, hasSubgroups: false }).kind).toBe(few ? 'vector' : 'direct')
      const wide = rows >= 16 && columns >= 16
      const kinds = few ? ['vector'] : wide ? ['quad'] : ['direct', 'quad']
      expect(kinds).toContain(chooseVariant(kernel, software).kind)
    }
  })

  it('depths are cut into parts that together are the depth, all but the last a multiple of the step', () => {
    for (const depth of [1, 7, 64, 100, 7500]) {
      for (const splits of [1, 2, 5, 32]) {
        for (const step of [1, 4, 16]) {
          const { parts, length } = splitDepth(depth, splits, step)
          expect(parts).toBeLessThanOrEqual(splits)
          expect((parts - 1) * length).toBeLessThan(depth)
          expect(parts * length).toBeGreaterThanOrEqual(depth)
          if (parts > 1) expect(length % step).toBe(0)
        }
      }
    }
  })
})

describe('classes of shapes', () => {
  it('hold near sizes together and tell transpositions, alignment and far sizes apart', () => {
    const base = { rows: 512, columns: 1000, depth: 784 }
    const name = shapeClass(kernelOf(base))
    expect(name).toBe('float32 depth4·outer4 [1, 512, 1024; 1024] plain')
    expect(shapeClass(kernelOf({ ...base, columns: 1024 }))).toBe(name)
    for (const other of [
      { ...base, left: 'transposed' },
      { ...base, right: 'transposed' },
      { ...base, columns: 1001 },
      { ...base, depth: 200 },
      { ...base, batch: 4 },
    ] satisfies ProductCase[]) {
      expect(shapeClass(kernelOf(other))).not.toBe(name)
    }
  })
})

it('every candidate compiles for every transposition and alignment (Dawn without a device)', async () => {
  const { device } = await requestDevice(await createDawn({ backend: 'null' }))
  const shapes = [
    [1024, 1024, 1024],
    [17, 33, 300],
    [1000, 1, 784],
    [3, 1000, 500],
  ]
  const sources = new Map<string, string>()
  const large = new Set<string>()
  for (const [rows, columns, depth] of shapes) {
    for (const left of layouts) {
      for (const right of layouts) {
        const kernel = kernelOf({ rows, columns, depth, left, right })
        const context = (capabilities: DeviceCapabilities) => ({
          device: capabilities,
          specification: () => ({ dtype: 'float32' as const, elements: 4 }),
          storageOf: (buffer: number) => buffer,
          workspace: () => 3,
        })
        for (const capabilities of devices) {
          for (const variant of candidateVariants(kernel, capabilities)) {
            for (const { source, label } of dotKernelWith(variant)(kernel, context(capabilities))) {
              sources.set(source, label)
              // A device without the card's limits checks the text of these, but makes no pipelines of them.
              if (!fitsDevice(variant, guaranteedCapabilities) && variant.kind !== 'quad') large.add(source)
            }
          }
        }
      }
    }
  }
  expect(sources.size).toBeGreaterThan(150)
  expect(large.size).toBeGreaterThan(20)
  for (const [code, label] of sources) {
    device.pushErrorScope('validation')
    const module = device.createShaderModule({ code })
    if (!large.has(code))
      device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
    const error = await device.popErrorScope()
    expect(error?.message, `${label}\n${code}`).toBeUndefined()
  }
}, 60_000)
