/**
 * What an iteration of conjugate gradients costs besides the Gauss-Newton product: the autoencoder that Hinton &
 * Salakhutdinov trained on MNIST, 2.8 million parameters, without a preconditioner and with L-BFGS from 32 pairs, all
 * pairs at once (`lbfgsPreconditioner`) and pair by pair (`twoLoopRecursion`).
 *
 * An iteration is timed from the end of one product to the beginning of the next, while pairs are handed out. What is
 * outside does not depend on the batch; the product grows with it.
 */
import {
  allCases,
  conjugateGradient as solveByConjugateGradient,
  createCurvature,
  flattenParameters,
  glorotInitialisation,
  lbfgsPreconditioner,
  parameterLayout,
  prepareSample,
  twoLoopRecursion,
  uploadDataset,
} from '@hessian-free/hf'
import type { CurvaturePair, Preconditioner } from '@hessian-free/hf'
import { disposeTree, hostArray, randomKey, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import type { Timing } from '../interleave.ts'
import { autoencoderLoss, autoencoderModel, autoencoderWidths } from '../network/autoencoder.ts'
import { numbers } from '../numbers.ts'
import type { Row } from '../row.ts'
import { rowOf } from '../row.ts'
import { median } from '../statistics.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { rounds } from './suite.ts'

const suite = 'conjugate-gradient'
const damping = 1e-4
const pairCount = 32

interface Scale {
  readonly widths: readonly number[]
  readonly batches: readonly number[]
}

const whole: Scale = {
  widths: autoencoderWidths,
  batches: [512, 2048],
}
const quick: Scale = { widths: [20, 12, 4, 12, 20], batches: [32] }

const free = ({ s, y }: CurvaturePair): void => {
  s.dispose()
  y.dispose()
}

/** Solves with the curvature on batches of one size. */
function systemOf(backend: Backend, { widths }: Scale, cases: number) {
  const layers = glorotInitialisation(randomKey(3), widths, { backend })
  const layout = parameterLayout(layers)
  const theta = flattenParameters(layout, layers)
  const inputs = hostArray(
    numbers(5, cases * widths[0]).map((value) => value + 0.5),
    [cases, widths[0]],
  )
  const data = uploadDataset({ inputs, targets: inputs }, backend)
  const sample = prepareSample(data, allCases(data), cases, 'float32')
  const operator = createCurvature({ model: autoencoderModel, loss: autoencoderLoss }, layout).linearize(
    theta,
    sample,
  )
  const direction = tensor(numbers(6, theta.size), { backend })
  const b = operator.apply(direction, damping)
  const product = (v: Tensor): Tensor => operator.apply(v, damping)
  const solve = async (
    iterations: number,
    preconditioner: Preconditioner | undefined,
    onPair: (pair: CurvaturePair) => void,
    multiply = product,
  ): Promise<void> => {
    using _ = await solveByConjugateGradient(multiply, b, {
      ...(preconditioner === undefined ? {} : { preconditioner }),
      maximumIterations: iterations,
      stop: [],
      onPair,
    })
  }
  return {
    solve,
    product: async () => {
      product(direction).dispose()
      await backend.synchronize()
    },
    /** Median of the times between products. */
    outside: async (preconditioner: Preconditioner | undefined): Promise<number> => {
      const between: number[] = []
      let since: number | undefined
      await solve(5, preconditioner, free, (v) => {
        const from = since
        if (from !== undefined) between.push(performance.now() - from)
        const result = product(v)
        since = performance.now()
        return result
      })
      return median(between)
    },
    flops: operator.executableFor(direction).summary.matrixProductFlops,
    dispose: () => {
      operator.dispose()
      disposeTree(layers)
      for (const held of [theta, direction, b]) held.dispose()
    },
  }
}

/** L-BFGS from the pairs of one run, in both forms; both stay fixed. */
async function preconditionersOf(backend: Backend, scale: Scale) {
  const system = systemOf(backend, scale, scale.batches[0])
  const lbfgs = lbfgsPreconditioner({ pairs: pairCount, minimumPairs: 1 })
  await lbfgs.beginRun({ damping })
  const [s, y]: [Tensor[], Tensor[]] = [[], []]
  const copy = (x: Tensor): Tensor => tensor(x.readSync(), { backend })
  await system.solve(pairCount, undefined, (pair) => {
    s.push(copy(pair.s))
    y.push(copy(pair.y))
    lbfgs.collect(pair)
  })
  system.dispose()
  lbfgs.endRun('maximumIterations')
  await lbfgs.beginRun({ damping })
  const inner = (a: Tensor, b: Tensor): number => {
    const [left, right] = [a.readSync(), b.readSync()]
    let sum = 0
    for (let i = 0; i < left.length; i++) sum += left[i] * right[i]
    return sum
  }
  const products = s.map((each, i) => inner(each, y[i]))
  const newest = y[y.length - 1]
  const rho = tensor(
    Float32Array.from(products, (product) => 1 / product),
    { backend },
  )
  const gamma = tensor(products[products.length - 1] / inner(newest, newest), { backend, dtype: 'float32' })
  const pairByPair: Preconditioner = {
    name: 'pair by pair',
    apply: (r) => twoLoopRecursion(r, { s, y }, rho, gamma),
  }
  /** What a run costs before its first iteration: moving the pairs to its damping, and the inner products of all. */
  const begin = async (): Promise<void> => {
    lbfgs.endRun('aborted')
    await lbfgs.beginRun({ damping })
  }
  const dispose = (): void => {
    lbfgs.dispose()
    for (const held of [...s, ...y, rho, gamma]) held.dispose()
  }
  return { lbfgs, pairByPair, begin, dispose, pairs: s.length }
}

const shareOf = (outside: Timing, product: Timing): string =>
  `${((100 * outside.milliseconds) / (outside.milliseconds + product.milliseconds)).toFixed(1)} % of an iteration`

async function measure(threads: number, emit: (row: Row) => void, context: SuiteContext): Promise<void> {
  const scale = context.quick ? quick : whole
  const backend = context.backend(threads)
  const { lbfgs, pairByPair, begin, dispose, pairs } = await preconditionersOf(backend, scale)
  for (const batch of scale.batches) {
    const system = systemOf(backend, scale, batch)
    const [product, plain, atOnce, byPair, beginning] = await interleave(
      [
        system.product,
        () => system.outside(undefined),
        () => system.outside(lbfgs),
        () => system.outside(pairByPair),
        begin,
      ],
      rounds(context, 3, 1),
    )
    const row = (
      name: string,
      timing: Timing,
      more: { flops?: number; atMost?: number; note?: string },
    ): void =>
      emit(
        rowOf({
          suite,
          threads,
          case: `batch ${batch}: ${name}`,
          timing,
          ...(timing === product ? {} : { peer: { name: 'the product', timing: product } }),
          ...more,
        }),
      )
    row('Gauss-Newton product', product, { flops: system.flops })
    row('the rest of an iteration, no preconditioner', plain, { note: shareOf(plain, product) })
    // A tenth of the iteration is a ninth of the product.
    row(`the rest, ${pairs} pairs at once`, atOnce, { atMost: 1 / 9, note: shareOf(atOnce, product) })
    row(`the rest, ${pairs} pairs one by one`, byPair, { note: shareOf(byPair, product) })
    row('beginning of a run, once', beginning, {})
    system.dispose()
  }
  dispose()
}

export const conjugateGradient: Suite = {
  name: suite,
  description:
    'what an iteration of conjugate gradients costs besides the product, with and without 32 L-BFGS pairs',
  run: async (_, emit, context) => {
    for (const threads of context.threads) await measure(threads, emit, context)
  },
}
