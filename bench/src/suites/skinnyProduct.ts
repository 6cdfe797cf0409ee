/**
 * Products whose matrices are long in one direction: single cases, ten outputs, the 30 units of the autoencoder's code
 * layer and the two products that gradients take of each; sums of few terms; many small products. Where the operands are
 * read about once, the ceiling is memory, else the micro-kernel.
 */
import { memoryCeiling } from '../ceiling/memoryCeiling.ts'
import type { MicroKernelCeiling } from '../ceiling/microKernelCeiling.ts'
import { microKernelCeiling } from '../ceiling/microKernelCeiling.ts'
import type { Runner, Timing } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { ProductCase } from '../peers/peerCase.ts'
import { productFlops, productShapes } from '../peers/peerCase.ts'
import type { Peers } from '../peers/peerEngine.ts'
import { repeated } from '../repeated.ts'
import type { Ceiling, Row } from '../row.ts'
import { rowOf } from '../row.ts'
import { ourProduct } from './ourProduct.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { rounds } from './suite.ts'

const suite = 'skinny-product'

interface SkinnyCase {
  readonly name: string
  readonly bound: 'multiplication' | 'reading' | 'copying'
  readonly product: ProductCase
}

const product = (
  m: number,
  k: number,
  n: number,
  form: { readonly left?: boolean; readonly right?: boolean; readonly batch?: number } = {},
): ProductCase => ({ kind: 'product', m, k, n, left: false, right: false, ...form })

const cases: readonly SkinnyCase[] = [
  { name: 'batch 1, x·W', bound: 'reading', product: product(1, 784, 1000) },
  { name: 'batch 1, δ·Wᵀ', bound: 'reading', product: product(1, 1000, 784, { right: true }) },
  { name: '10 outputs, h·W', bound: 'multiplication', product: product(512, 1000, 10) },
  { name: '10 outputs, δ·Wᵀ', bound: 'multiplication', product: product(512, 10, 1000, { right: true }) },
  { name: '10 outputs, hᵀ·δ', bound: 'multiplication', product: product(1000, 512, 10, { left: true }) },
  { name: '30-unit code, h·W', bound: 'multiplication', product: product(512, 250, 30) },
  { name: '30-unit code, δ·Wᵀ', bound: 'multiplication', product: product(512, 30, 250, { right: true }) },
  { name: '30-unit code, hᵀ·δ', bound: 'multiplication', product: product(250, 512, 30, { left: true }) },
  { name: 'four terms', bound: 'multiplication', product: product(512, 4, 784) },
  { name: 'outer product', bound: 'copying', product: product(784, 1, 1000) },
  { name: '256 small products', bound: 'multiplication', product: product(16, 16, 16, { batch: 256 }) },
]

const bytesOf = (wanted: ProductCase): number => {
  const { m, n, batch = 1 } = wanted
  const operands = productShapes(wanted).map((shape) => shape.reduce((a, b) => a * b, 1))
  return 4 * (operands[0] + operands[1] + batch * m * n)
}

const shapeText = ({ m, k, n, batch, left, right }: ProductCase): string => {
  const lead = batch === undefined ? '' : `${batch} of `
  return `${lead}${left ? `(${k}×${m})ᵀ` : `${m}×${k}`} · ${right ? `(${n}×${k})ᵀ` : `${k}×${n}`}`
}

interface Bound {
  readonly run: Runner
  readonly ceilingOf: (timing: Timing) => Ceiling
  readonly close: () => Promise<void>
}

async function boundOf(
  { bound, product: wanted }: SkinnyCase,
  threads: number,
  multiplication: MicroKernelCeiling | undefined,
): Promise<Bound | undefined> {
  if (bound === 'multiplication') {
    if (multiplication === undefined) return undefined
    const { run, ceilingOf } = multiplication
    return { run, ceilingOf, close: () => Promise.resolve() }
  }
  const reading = bound === 'reading'
  const bytes = bytesOf(wanted)
  // A copy moves each element twice, once in and once out.
  const memory = await memoryCeiling(reading ? bytes / 4 : bytes / 8, threads)
  return reading
    ? { run: memory.read, ceilingOf: memory.readCeiling, close: memory.close }
    : { run: memory.copy, ceilingOf: memory.copyCeiling, close: memory.close }
}

async function measure(
  skinny: SkinnyCase,
  threads: number,
  multiplication: MicroKernelCeiling | undefined,
  peers: Peers,
  emit: (row: Row) => void,
  context: SuiteContext,
): Promise<void> {
  const { name, product: wanted } = skinny
  const bound = await boundOf(skinny, threads, multiplication)
  if (bound === undefined) return
  const ours = ourProduct(context.backend(threads), wanted)
  const peer = await peers.jax(threads)?.prepare(wanted, await ours.result())
  const [limit, timing, ...theirs] = await interleave(
    [bound.run, repeated(ours.run), ...(peer === undefined ? [] : [peer.runner('product')])],
    rounds(context, 15),
  )
  emit(
    rowOf({
      suite,
      case: `${name}: ${shapeText(wanted)}`,
      timing,
      threads,
      ...(skinny.bound === 'multiplication' ? { flops: productFlops(wanted) } : { bytes: bytesOf(wanted) }),
      ceiling: bound.ceilingOf(limit),
      ...(theirs.length === 0 ? {} : { peer: { name: 'jax-js', timing: theirs[0] } }),
    }),
  )
  ours.dispose()
  await peer?.drop()
  await bound.close()
}

export const skinnyProduct: Suite = {
  name: suite,
  description: 'batch 1, 10 outputs, 30-unit code layer, sums of few terms, many small products',
  run: async (peers, emit, context) => {
    for (const threads of context.threads) {
      const multiplication = await microKernelCeiling(threads)
      for (const skinny of context.quick ? cases.slice(-2) : cases) {
        await measure(skinny, threads, multiplication, peers, emit, context)
      }
      await multiplication.close()
    }
  },
}
