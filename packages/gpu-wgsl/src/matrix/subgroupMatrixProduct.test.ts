import { BackendError } from '@hessian-free/tensor'
import { beforeAll, describe, expect, it } from 'vitest'
import type { DeviceCapabilities, SubgroupMatrixShape } from '../device/deviceCapabilities.ts'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import { createDawn } from '../node/dawn.ts'
import { StorageList } from '../testing/runDispatches.ts'
import type { ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import { splitHalvesProduct } from './splitHalvesProduct.ts'
import { usefulSlices } from './subgroupMatrixKernel.ts'
import type { RowMajorProduct } from './subgroupMatrixProduct.ts'
import { subgroupMatrixProduct } from './subgroupMatrixProduct.ts'
import { float16MatrixUnit, subgroupMatrixTilings, tileSize } from './subgroupMatrixTiling.ts'

const shape = (rows: number, columns: number, depth: number): SubgroupMatrixShape => ({
  componentType: 'f16',
  resultComponentType: 'f32',
  rows,
  columns,
  depth,
})

/** An imagined device with matrix units of one shape. */
const deviceWith = (
  unit: SubgroupMatrixShape,
  subgroupSize: number,
  isSoftware = false,
): DeviceCapabilities => ({
  ...guaranteedCapabilities,
  adapterName: 'imagined',
  isSoftware,
  hasFloat16: true,
  hasSubgroups: true,
  subgroupMinimumSize: subgroupSize,
  subgroupMaximumSize: subgroupSize,
  subgroupMatrixShapes: [unit],
})

const devices = {
  'fragments of 16 × 16 × 16, subgroups of 32': deviceWith(shape(16, 16, 16), 32),
  'fragments of 16 × 16 × 16 on a large card': {
    ...deviceWith(shape(16, 16, 16), 32),
    maximumWorkgroupInvocations: 1024,
    maximumWorkgroupBytes: 49_152,
  },
  'fragments of 16 × 8 × 16, subgroups of 32': deviceWith(shape(16, 8, 16), 32),
  'fragments of 8 × 8 × 8, subgroups of 8': deviceWith(shape(8, 8, 8), 8, true),
}

interface Generated {
  readonly dispatches: ShaderDispatch[]
  readonly list: StorageList
}

function generate(
  [rows, depth, columns]: readonly [number, number, number],
  generator: (problem: RowMajorProduct) => ShaderDispatch[],
): Generated {
  const list = new StorageList()
  const problem = {
    ...{ rows, columns, depth },
    ...{ lhs: list.add(rows * depth * 4), rhs: list.add(depth * columns * 4) },
    ...{ result: list.add(rows * columns * 4), workspace: list.add },
  }
  return { dispatches: generator(problem), list }
}

let device: GPUDevice

beforeAll(async () => {
  const gpu = await createDawn({ backend: 'null' })
  const adapter = await gpu.requestAdapter()
  device = await adapter!.requestDevice({
    requiredFeatures: [
      'shader-f16',
      'subgroups',
      'chromium-experimental-subgroup-matrix',
    ] as unknown as GPUFeatureName[],
  })
})

/**
 * Compiles every shader on a device that computes nothing but checks everything; without pipelines, because for those the
 * device insists on its own subgroups of 128.
 */
async function typeCheck({ dispatches }: Generated): Promise<void> {
  for (const { label, source } of dispatches) {
    device.pushErrorScope('validation')
    const module = device.createShaderModule({ code: source })
    const [error, { messages }] = await Promise.all([device.popErrorScope(), module.getCompilationInfo()])
    // Warnings too: deprecated forms are removed in later versions.
    const found = [error?.message ?? '', ...messages.map(({ message }) => message)].filter(
      (text) => text !== '',
    )
    if (found.length > 0) throw new Error(`${label}: ${found.join('\n')}\n${source}`)
  }
}

describe.each(Object.entries(devices))('%s', (_, capabilities) => {
  const unit = float16MatrixUnit(capabilities)!
  const tilings = subgroupMatrixTilings(capabilities, unit)

  it('every tiling that fits the device compiles, plain and from two halves, whole or sliced', async () => {
    expect(tilings.length).toBeGreaterThan(3)
    for (const tiling of tilings) {
      const options = { tiling, slices: 2 }
      await typeCheck(
        generate([70, 300, 33], (problem) =>
          subgroupMatrixProduct(problem, 'float32', capabilities, options),
        ),
      )
      await typeCheck(
        generate([70, 300, 36], (problem) => splitHalvesProduct(problem, capabilities, options)),
      )
    }
    for (const tiling of subgroupMatrixTilings(capabilities, unit, 2)) {
      await typeCheck(
        generate([70, 300, 33], (problem) =>
          splitHalvesProduct(problem, capabilities, { tiling, staged: true }),
        ),
      )
    }
  })

  it('one element, no depth and the default tiling compile', async () => {
    for (const size of [
      [1, 1, 1],
      [3, 0, 5],
      [256, 256, 256],
    ] as const) {
      await typeCheck(generate(size, (problem) => subgroupMatrixProduct(problem, 'float16', capabilities)))
      await typeCheck(generate(size, (problem) => splitHalvesProduct(problem, capabilities)))
    }
  })

  it('float16 operands in whole tiles are multiplied where they lie, others are packed and the result is cut', () => {
    const tiling = tilings[tilings.length - 1]
    const { rows, columns, depth } = tileSize(tiling, unit)
    const labels = (size: readonly [number, number, number], operands: 'float16' | 'float32'): string[] =>
      generate(size, (problem) =>
        subgroupMatrixProduct(problem, operands, capabilities, { tiling, slices: 1 }),
      ).dispatches.map(({ label }) => label.split(' ')[0])
    expect(labels([2 * rows, 3 * depth, 4 * columns], 'float16')).toEqual(['subgroupMatrixProduct'])
    expect(labels([2 * rows, 3 * depth, 4 * columns], 'float32')).toEqual([
      'packHalves',
      'packHalves',
      'subgroupMatrixProduct',
    ])
    expect(labels([2 * rows - 1, 3 * depth, 4 * columns], 'float16')).toEqual([
      'packHalves',
      'subgroupMatrixProduct',
      'sumPartialProducts',
    ])
  })
})

it('an empty result needs no dispatch', () => {
  const [capabilities] = Object.values(devices)
  for (const size of [
    [0, 4, 4],
    [4, 4, 0],
  ] as const) {
    expect(
      generate(size, (problem) => subgroupMatrixProduct(problem, 'float32', capabilities)).dispatches,
    ).toEqual([])
    expect(generate(size, (problem) => splitHalvesProduct(problem, capabilities)).dispatches).toEqual([])
  }
})

it('a device without a unit, with subgroups of several sizes, or with too little memory is refused by name', () => {
  const [capable] = Object.values(devices)
  const without = [
    guaranteedCapabilities,
    { ...capable, subgroupMinimumSize: 16 },
    { ...capable, hasFloat16: false },
    { ...capable, subgroupMatrixShapes: [{ ...shape(16, 16, 16), resultComponentType: 'f16' as const }] },
    { ...capable, maximumWorkgroupBytes: 64 },
  ]
  for (const capabilities of without) {
    const attempt = (): unknown => generate([8, 8, 8], (problem) => splitHalvesProduct(problem, capabilities))
    expect(attempt).toThrow(BackendError)
  }
  expect(() => generate([20_000, 20_000, 20_000], (problem) => splitHalvesProduct(problem, capable))).toThrow(
    /binding of this device holds at most/,
  )
})

it('a product with more tiles along an axis than a dispatch has workgroups is refused', () => {
  const large = { ...Object.values(devices)[0], maximumBindingBytes: 2 ** 32 }
  const [tiling] = subgroupMatrixTilings(large, float16MatrixUnit(large)!).slice(-1)
  for (const generator of [
    (problem: RowMajorProduct) => splitHalvesProduct(problem, large, { tiling }),
    (problem: RowMajorProduct) => subgroupMatrixProduct(problem, 'float16', large, { tiling }),
  ]) {
    expect(() => generate([16 * 65_536, 16, 16], generator)).toThrow(/at most 65535 workgroups.*65536 tiles/s)
    expect(generate([16 * 65_535, 16, 16], generator).dispatches.length).toBeGreaterThan(0)
  }
})

it('slices cover the depth, and none is empty', () => {
  for (let steps = 1; steps < 40; steps++) {
    for (let wanted = 1; wanted < 50; wanted++) {
      const slices = usefulSlices(steps * 16, 16, wanted)
      const each = Math.ceil(steps / slices)
      expect(slices).toBeLessThanOrEqual(wanted)
      expect((slices - 1) * each).toBeLessThan(steps)
      expect(slices * each).toBeGreaterThanOrEqual(steps)
    }
  }
})
