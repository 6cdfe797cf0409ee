import fc from 'fast-check'
import { DtypeError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import { testDevice } from '../node/softwareDevice.ts'
import type { BuiltProduct, Layout, ProductCase } from '../testing/productCase.ts'
import { buildProduct } from '../testing/productCase.ts'
import { runKernelProgram } from '../testing/runKernelProgram.ts'
import { chooseVariant } from './chooseVariant.ts'
import { dotKernel, dotKernelWith } from './dotKernel.ts'
import { parseVariant } from './matrixVariant.ts'

const requested = await testDevice()

/** Runs a product by the variant of a key, or by the heuristic's. */
const runWith = (
  { program, inputs }: BuiltProduct,
  key?: string,
  storageOf?: (buffer: number) => number,
): Promise<readonly ArrayLike<number>[]> =>
  runKernelProgram(program, inputs, {
    device: requested!.device,
    capabilities: requested!.capabilities,
    ...(storageOf === undefined ? {} : { storageOf }),
    generate: (kernel, context) => {
      if (kernel.kind !== 'dot') return []
      return (key === undefined ? dotKernel : dotKernelWith(parseVariant(key)))(kernel, context)
    },
  })

/** Largest error of every output, relative to the sum of absolute products; what is not stored must be untouched. */
function worstError({ expected, scale }: BuiltProduct, found: readonly ArrayLike<number>[]): number {
  let worst = 0
  expected.forEach((values, output) => {
    values.forEach((value, i) => {
      const other = found[output][i]
      if (Number.isNaN(value) && Number.isNaN(other)) return
      const error = Math.abs(value - other) / Math.max(scale, Math.abs(value))
      worst = Math.max(worst, Number.isNaN(error) ? Infinity : error)
    })
  })
  return worst
}

const check = async (product: ProductCase, key?: string): Promise<void> => {
  const built = buildProduct(product)
  const error = worstError(built, await runWith(built, key))
  expect(error, `${key ?? 'chosen variant'} of ${JSON.stringify(product)}`).toBeLessThan(1e-6)
}

const variants = [
  'direct 4x4 1x4 u4 /1',
  'direct 2x3 2x2 u4 /2',
  'quad 4x8 q2 u4 /1',
  'quad 8x16 q1 u4 /2',
  'tiled 16x8x4 4x4 single /1',
  'tiled 8x8x4 4x4 double /2',
  'vector 1x1 t8 /1',
  'vector 2x3 t4 /2',
]

describe.skipIf(requested === undefined)('products on a device (skipped without software Vulkan)', () => {
  for (const key of variants) {
    for (const left of ['dense', 'transposed'] as const) {
      for (const right of ['dense', 'transposed'] as const) {
        it(`${key}, left ${left}, right ${right}: aligned and odd sizes`, async () => {
          await check({ rows: 20, columns: 24, depth: 12, left, right }, key)
          await check({ rows: 17, columns: 9, depth: 7, left, right, batch: 2 }, key)
        })
      }
    }
    it(`${key}: one element, accumulator and several stores`, async () => {
      await check({ rows: 1, columns: 1, depth: 1 }, key)
      await check(
        { rows: 5, columns: 12, depth: 8, batch: 2, accumulator: 'padded', epilogue: 'several' },
        key,
      )
      await check({ rows: 6, columns: 7, depth: 33, accumulator: 'strided', epilogue: 'several' }, key)
    })
  }

  it('an accumulator in the storage of the first output is added in place', async () => {
    for (const key of [
      'direct 4x4 1x4 u4 /1',
      'quad 2x8 q1 u4 /1',
      'tiled 8x8x4 4x4 single /1',
      'vector 1x1 t8 /2',
    ]) {
      for (const columns of [8, 7]) {
        const built = buildProduct({ rows: 6, columns, depth: 40, accumulator: 'dense', epilogue: 'several' })
        const output = built.kernel.stores[0].buffer
        const accumulator = built.kernel.accumulator!.buffer
        const found = await runWith(built, key, (buffer) => (buffer === output ? accumulator : buffer))
        expect(worstError(built, found), `${key} ${columns}`).toBeLessThan(1e-6)
      }
    }
  })

  it('split depths give the same bits every time', async () => {
    const built = buildProduct({ rows: 9, columns: 12, depth: 100 })
    for (const key of ['direct 4x4 1x4 u4 /3', 'tiled 8x8x4 4x4 single /5', 'vector 1x1 t4 /4']) {
      const first = await runWith(built, key)
      for (let again = 0; again < 2; again++) expect(await runWith(built, key)).toEqual(first)
    }
  })

  it('infinities outside the depth, the rows and the columns never reach a sum', async () => {
    const built = buildProduct({ rows: 3, columns: 5, depth: 6, left: 'padded', right: 'padded' })
    const { lhs, rhs } = built
    built.inputs.forEach((values, input) => {
      const [, outer, inner] = input === 0 ? lhs.view.strides : rhs.view.strides
      const extents = input === 0 ? [3, 6] : [6, 5]
      const used = new Set<number>()
      for (let i = 0; i < extents[0]; i++)
        for (let j = 0; j < extents[1]; j++) used.add(4 + i * outer + j * inner)
      values.forEach((_, i) => {
        if (!used.has(i)) values[i] = Infinity
      })
    })
    for (const key of variants) expect(worstError(built, await runWith(built, key)), key).toBeLessThan(1e-6)
  })

  it('random shapes and layouts by the variants that the heuristic chooses', async () => {
    const layout = fc.constantFrom<Layout>(
      'dense',
      'transposed',
      'shared',
      'sharedTransposed',
      'padded',
      'strided',
    )
    const extent = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 6, max: 40 }))
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          batch: fc.integer({ min: 1, max: 3 }),
          rows: extent,
          columns: extent,
          depth: fc.oneof(extent, fc.integer({ min: 250, max: 300 })),
          left: layout,
          right: layout,
          epilogue: fc.constantFrom('none' as const, 'several' as const),
        }),
        async (product) => check(product),
      ),
      { numRuns: 15 },
    )
  }, 30_000)

  it('matrix-vector, vector-matrix and inner products by the chosen variants', async () => {
    await check({ rows: 40, columns: 1, depth: 300 })
    await check({ rows: 1, columns: 40, depth: 300, right: 'transposed' })
    await check({ rows: 1, columns: 1, depth: 1000 })
  })
})

it('float64 is refused with the remedy', () => {
  const { kernel } = buildProduct({ rows: 2, columns: 2, depth: 2 })
  const context = {
    device: guaranteedCapabilities,
    specification: () => ({ dtype: 'float64' as const, elements: 4 }),
    storageOf: (buffer: number) => buffer,
    workspace: () => 3,
  }
  expect(() => dotKernel({ ...kernel, dtype: 'float64' }, context)).toThrow(DtypeError)
})

it('more than 65,535 workgroups are spread over two axes of the dispatch', () => {
  const { kernel } = buildProduct({ rows: 2, columns: 2, depth: 2 })
  const large = { ...kernel, rows: 300_000, columns: 3 }
  const context = {
    device: guaranteedCapabilities,
    specification: () => ({ dtype: 'float32' as const, elements: 4 }),
    storageOf: (buffer: number) => buffer,
    workspace: () => 3,
  }
  const [{ workgroups, source }] = dotKernelWith(parseVariant('vector 1x1 t64 /1'))(large, context)
  expect(Math.max(...workgroups)).toBeLessThanOrEqual(65_535)
  expect(workgroups[0] * workgroups[1]).toBeGreaterThanOrEqual(900_000)
  expect(source).toContain('if (number >= 900000u) { return; }')
  expect(chooseVariant(large, guaranteedCapabilities).kind).not.toBe('tiled')
})
