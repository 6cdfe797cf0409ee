import { describe, expect, it } from 'vitest'
import { testDevice } from '../node/softwareDevice.ts'
import type { BuiltProduct, ProductCase } from '../testing/productCase.ts'
import { buildProduct } from '../testing/productCase.ts'
import { runKernelProgram } from '../testing/runKernelProgram.ts'
import type { KernelContext, ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import { dotKernelWith } from './dotKernel.ts'
import type { MatrixVariant } from './matrixVariant.ts'
import { parseVariant } from './matrixVariant.ts'

const requested = await testDevice()

const runWith = (
  { program, inputs }: BuiltProduct,
  variant: MatrixVariant,
  storageOf?: (buffer: number) => number,
): Promise<readonly ArrayLike<number>[]> =>
  runKernelProgram(program, inputs, {
    device: requested!.device,
    capabilities: requested!.capabilities,
    ...(storageOf === undefined ? {} : { storageOf }),
    generate: (kernel, context: KernelContext): readonly ShaderDispatch[] =>
      kernel.kind === 'dot' ? dotKernelWith(variant)(kernel, context) : [],
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

const check = async (product: ProductCase, key: string): Promise<void> => {
  const built = buildProduct(product)
  const error = worstError(built, await runWith(built, parseVariant(key)))
  expect(error, `${key} of ${JSON.stringify(product)}`).toBeLessThan(1e-6)
}

const layouts = ['dense', 'transposed'] as const
const variants = [
  'direct 4x8 1x8 u4 /1',
  'direct 2x3 2x2 u4 /2',
  'direct 4x4 2x2 u8 /1',
  'tiled 16x16x8 4x4 single /1',
  'tiled 16x32x8 4x8 double /2',
  'vector 1x1 t8 /1',
  'vector 2x3 t4 /2',
]

describe.skipIf(requested === undefined)(
  'products of every variant (skipped without software Vulkan)',
  () => {
    for (const key of variants) {
      for (const left of layouts) {
        for (const right of layouts) {
          it(`${key}, left ${left}, right ${right}: aligned, odd and tiny sizes`, async () => {
            await check({ rows: 36, columns: 40, depth: 28, left, right }, key)
            await check({ rows: 17, columns: 33, depth: 19, left, right, batch: 2 }, key)
            await check({ rows: 1, columns: 1, depth: 1, left, right }, key)
          })
        }
      }
    }
  },
)
