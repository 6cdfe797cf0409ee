/**
 * Matrix products a·b, a·bᵀ, aᵀ·b and aᵀ·bᵀ of float32 matrices, beside the micro-kernel alone on as many threads in the
 * same interleaved run: the share of the ceiling, transpositions against each other, and two threads against one.
 */
import type { MicroKernelCeiling } from '../ceiling/microKernelCeiling.ts'
import { microKernelCeiling } from '../ceiling/microKernelCeiling.ts'
import type { Timing } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { PreparedPeer, Peers } from '../peers/peerEngine.ts'
import type { ProductCase } from '../peers/peerCase.ts'
import { productFlops } from '../peers/peerCase.ts'
import { repeated } from '../repeated.ts'
import type { Row } from '../row.ts'
import { rowOf } from '../row.ts'
import { ourProduct } from './ourProduct.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { rounds } from './suite.ts'

const suite = 'matrix-product'
const forms = [
  { name: 'NN', left: false, right: false },
  { name: 'NT', left: false, right: true },
  { name: 'TN', left: true, right: false },
  { name: 'TT', left: true, right: true },
]
const sizes = [
  { m: 1024, k: 1024, n: 1024, peers: true, runs: 15 },
  { m: 512, k: 512, n: 512, peers: true, runs: 21 },
  { m: 256, k: 256, n: 256, peers: true, runs: 21 },
  { m: 1000, k: 999, n: 1001, peers: false, runs: 15 },
]
const quickSizes = [{ m: 33, k: 20, n: 47, peers: true, runs: 1 }]

type Size = (typeof sizes)[number]
type Form = (typeof forms)[number]

interface Measured {
  readonly form: Form
  readonly threads: number
  readonly timing: Timing
  readonly peer: Timing | undefined
}

/** Everything of one size in one interleaved series. */
async function measure(
  { m, k, n, peers: withPeers, runs }: Size,
  ceilings: ReadonlyMap<number, MicroKernelCeiling>,
  peers: Peers,
  context: SuiteContext,
): Promise<{ readonly measured: Measured[]; readonly ceilings: ReadonlyMap<number, Timing> }> {
  const cases: {
    readonly form: Form
    readonly threads: number
    readonly peer: PreparedPeer | undefined
    readonly run: () => number
    readonly dispose: () => void
  }[] = []
  for (const threads of context.threads) {
    for (const form of forms) {
      const wanted: ProductCase = { kind: 'product', m, k, n, left: form.left, right: form.right }
      const ours = ourProduct(context.backend(threads), wanted)
      // jax-js takes seconds for aᵀ·bᵀ at 1024.
      const jax = withPeers && form.name !== 'TT' ? peers.jax(threads) : undefined
      const peer = await jax?.prepare(wanted, await ours.result())
      cases.push({ form, threads, peer, run: repeated(ours.run), dispose: ours.dispose })
    }
  }
  const withPeer = cases.flatMap(({ peer }) => (peer === undefined ? [] : [peer]))
  const timings = await interleave(
    [
      ...[...ceilings.values()].map(({ run }) => run),
      ...cases.map(({ run }) => run),
      ...withPeer.map((peer) => peer.runner('product')),
    ],
    rounds(context, runs),
  )
  const own = timings.slice(ceilings.size)
  const theirs = own.slice(cases.length)
  for (const { dispose } of cases) dispose()
  for (const peer of withPeer) await peer.drop()
  return {
    measured: cases.map(({ form, threads, peer }, i) => ({
      form,
      threads,
      timing: own[i],
      peer: peer === undefined ? undefined : theirs[withPeer.indexOf(peer)],
    })),
    ceilings: new Map([...ceilings.keys()].map((threads, i) => [threads, timings[i]])),
  }
}

/** TensorFlow.js multiplies transposed matrices hundreds of times slower, so it has a short series of its own. */
async function besideTf(peers: Peers, emit: (row: Row) => void, context: SuiteContext): Promise<void> {
  const tf = peers.tf()
  if (tf === undefined) return
  const size = context.quick ? 32 : 512
  for (const { name, left, right } of forms) {
    const wanted: ProductCase = { kind: 'product', m: size, k: size, n: size, left, right }
    const ours = ourProduct(context.backend(1), wanted)
    const peer = await tf.prepare(wanted, await ours.result())
    const [timing, theirs] = await interleave(
      [repeated(ours.run), peer.runner('product')],
      rounds(context, 5, 1),
    )
    emit(
      rowOf({
        suite,
        case: `${size} ${name}`,
        timing,
        flops: productFlops(wanted),
        peer: { name: 'tfjs', timing: theirs },
      }),
    )
    ours.dispose()
    await peer.drop()
  }
}

const longestOf = (measured: readonly Measured[]): Measured =>
  measured.reduce((a, b) => (b.timing.milliseconds > a.timing.milliseconds ? b : a))
const shortestOf = (measured: readonly Measured[]): Measured =>
  measured.reduce((a, b) => (b.timing.milliseconds < a.timing.milliseconds ? b : a))

export const matrixProduct: Suite = {
  name: suite,
  description: 'float32 products, plain and transposed, 256 to 1024, and their share of the micro-kernel',
  run: async (peers, emit, context) => {
    const ceilings = new Map<number, MicroKernelCeiling>()
    for (const threads of context.threads) ceilings.set(threads, await microKernelCeiling(threads))
    for (const size of context.quick ? quickSizes : sizes) {
      const found = await measure(size, ceilings, peers, context)
      const { m, k, n } = size
      const name = m === n ? `${m}` : `${m}×${k}×${n}`
      const flops = 2 * m * k * n
      for (const { form, threads, timing, peer } of found.measured) {
        const ceiling = ceilings.get(threads)
        const ceilingTiming = found.ceilings.get(threads)
        if (ceiling === undefined || ceilingTiming === undefined) continue
        const parts = { suite, case: `${name} ${form.name}`, timing, flops, threads }
        emit(
          rowOf({
            ...parts,
            ceiling: ceiling.ceilingOf(ceilingTiming),
            note: ceiling.kernel,
            ...(m === 1024 ? { aimedShare: 0.85 } : {}),
            ...(peer === undefined ? {} : { peer: { name: 'jax-js', timing: peer } }),
            ...(peer !== undefined && m === 1024 ? { target: 1.5 } : {}),
          }),
        )
        const alone = found.measured.find((each) => each.threads === 1 && each.form === form)
        if (threads > 1 && alone !== undefined) {
          emit(
            rowOf({
              ...parts,
              peer: { name: 'ours', timing: alone.timing, threads: 1 },
              ...(m === 1024 && threads === 2 ? { target: 1.8 } : {}),
            }),
          )
        }
      }
      for (const threads of context.threads) {
        const all = found.measured.filter((each) => each.threads === threads)
        const [slow, fast] = [longestOf(all), shortestOf(all)]
        emit(
          rowOf({
            suite,
            case: `${name}, the slowest form ${slow.form.name} beside the fastest ${fast.form.name}`,
            timing: slow.timing,
            flops,
            threads,
            peer: { name: `ours ${fast.form.name}`, timing: fast.timing },
            atMost: 1.1,
          }),
        )
      }
    }
    for (const ceiling of ceilings.values()) await ceiling.close()
    if (context.threads.includes(1)) await besideTf(peers, emit, context)
  },
}
