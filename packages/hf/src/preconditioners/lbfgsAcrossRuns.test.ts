// What L-BFGS pairs do to conjugate gradients: they help when they come from a related earlier system, never inside
// their own run. Oracles: the exact minimum by elimination, and plain conjugate gradients.
import { createReferenceBackend, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from '../conjugateGradient.ts'
import type { ConjugateGradientOptions } from '../conjugateGradient.ts'
import type { CurvaturePair } from '../curvaturePair.ts'
import { disposePair } from '../curvaturePair.ts'
import type { StopRule } from '../stopRules/stopRule.ts'
import type { Matrix } from '../testing/linearSystems.ts'
import {
  addDiagonal,
  innerProduct,
  matrixOperator,
  normals,
  quadratic,
  randomVector,
  range,
  sampledCovariance,
  solve,
  values,
  vector,
} from '../testing/linearSystems.ts'
import { lbfgsPreconditioner } from './lbfgs.ts'
import { twoLoopRecursion } from './twoLoopRecursion.ts'

const backend = createReferenceBackend()
const n = 80
const damping = 1e-3
// Curvature that falls as i^−1.5, as in trained networks: a few strong directions, many flat ones.
const deviations = range(n).map((i) => (i + 1) ** -0.75)

/** A damped curvature matrix sampled from `cases` cases; one population for each basis. */
const curvature = (cases: number, seed: number, basis = 9): Matrix =>
  addDiagonal(sampledCovariance(deviations, cases, seed, basis), damping)

const minimumOf = (a: Matrix, b: readonly number[]): number => quadratic(a, b, solve(a, b))

/** Iterations to 99 % of the exact decrease. */
async function iterationsFor(
  a: Matrix,
  b: readonly number[],
  options: ConjugateGradientOptions,
): Promise<number> {
  const minimum = minimumOf(a, b)
  const reached: StopRule = {
    name: '99 % of the decrease',
    reason: 'custom',
    shouldStop: (history) => history[history.length - 1].phi <= 0.99 * minimum,
  }
  using rightHandSide = vector(b, backend)
  using result = await conjugateGradient(matrixOperator(a), rightHandSide, { ...options, stop: [reached] })
  expect(result.stopReason).toBe('custom')
  return result.iterations
}

/** Iterations on the second system, with the pairs of a run on the first one and without; sums over three seeds. */
async function compare(
  systems: (seed: number) => readonly [Matrix, Matrix],
): Promise<{ with: number; without: number }> {
  const total = { with: 0, without: 0 }
  for (const seed of [1, 2, 3]) {
    const [first, second] = systems(seed)
    const lbfgs = lbfgsPreconditioner({ pairs: 32 })
    using b = vector(randomVector(n, normals(seed + 50)), backend)
    await lbfgs.beginRun({ damping })
    const onPair = (pair: CurvaturePair): void => lbfgs.collect(pair)
    using run = await conjugateGradient(matrixOperator(first), b, {
      preconditioner: lbfgs,
      onPair,
      stop: [],
      maximumIterations: 25,
    })
    expect(lbfgs.endRun(run.stopReason)).toBe(true)
    await lbfgs.beginRun({ damping })
    const next = randomVector(n, normals(seed + 60))
    total.with += await iterationsFor(second, next, { preconditioner: lbfgs })
    total.without += await iterationsFor(second, next, {})
    lbfgs.dispose()
  }
  return total
}

describe('pairs of an earlier run', () => {
  it('shorten a run on the same matrix with another right-hand side clearly', async () => {
    const iterations = await compare((seed) => {
      const a = curvature(400, seed)
      return [a, a]
    })
    expect(iterations.with).toBeLessThan(0.75 * iterations.without)
  })

  it('shorten a run on a matrix sampled afresh from enough cases', async () => {
    const iterations = await compare((seed) => [curvature(800, seed), curvature(800, seed + 100)])
    expect(iterations.with).toBeLessThan(0.9 * iterations.without)
  })

  it('gain nothing when the matrix is sampled from fewer cases than it has dimensions', async () => {
    const iterations = await compare((seed) => [curvature(40, seed), curvature(40, seed + 100)])
    expect(iterations.with).toBeGreaterThanOrEqual(iterations.without)
  })

  it('gain nothing for an unrelated matrix', async () => {
    const iterations = await compare((seed) => [curvature(400, seed), curvature(400, seed + 100, 777)])
    expect(iterations.with).toBeGreaterThanOrEqual(iterations.without)
  })
})

/** A run whose preconditioner is rebuilt in every iteration from the run's own pairs: what not to do. */
async function refreshing(
  a: Matrix,
  b: readonly number[],
  options: ConjugateGradientOptions & { scaled: boolean },
) {
  const pairs: CurvaturePair[] = []
  const apply = (residual: Tensor): Tensor => {
    const s = pairs.map((pair) => pair.s)
    const y = pairs.map((pair) => pair.y)
    const products = pairs.map((pair) => innerProduct(values(pair.s), values(pair.y)))
    const newest = products.length - 1
    const gamma =
      newest < 0 || !options.scaled
        ? 1
        : products[newest] / innerProduct(values(y[newest]), values(y[newest]))
    if (newest < 0) return tensor(residual.readSync(), { backend })
    using rho = vector(
      products.map((product) => 1 / product),
      backend,
    )
    using scale = tensor(gamma, { backend, dtype: 'float64' })
    return twoLoopRecursion(residual, { s, y }, rho, scale)
  }
  using rightHandSide = vector(b, backend)
  using result = await conjugateGradient(matrixOperator(a), rightHandSide, {
    ...options,
    preconditioner: { name: 'refreshed', apply },
    stop: [],
    onPair: (pair) => {
      pairs.push(pair)
      if (pairs.length > 32) pairs.splice(0, 1).forEach(disposePair)
    },
  })
  pairs.forEach(disposePair)
  return result.history.map(({ phi }) => phi)
}

describe('pairs of the run itself', () => {
  const a = curvature(1000, 3)
  const b = randomVector(n, normals(6))
  const gapAfter = (phis: readonly number[], iterations: number): number => {
    const minimum = minimumOf(a, b)
    return (minimum - phis[iterations - 1]) / minimum
  }

  it('with full memory and H₀ = I reproduce conjugate gradients to 1e-7 for 10 iterations', async () => {
    const refreshed = await refreshing(a, b, { maximumIterations: 10, scaled: false })
    using rightHandSide = vector(b, backend)
    using plain = await conjugateGradient(matrixOperator(a), rightHandSide, {
      maximumIterations: 10,
      stop: [],
    })
    for (const [i, { phi }] of plain.history.entries()) {
      expect(Math.abs(refreshed[i] - phi)).toBeLessThan(1e-7 * Math.abs(phi))
    }
  })

  it('stall the standard variant when the preconditioner changes in every iteration; the flexible one converges', async () => {
    const standard = await refreshing(a, b, { variant: 'standard', maximumIterations: 60, scaled: true })
    expect(gapAfter(standard, 60)).toBeGreaterThan(0.3)
    const flexible = await refreshing(a, b, { variant: 'flexible', maximumIterations: 60, scaled: true })
    expect(gapAfter(flexible, 60)).toBeLessThan(1e-10)
  })
})

describe('long use', () => {
  it('leaves memory as it was after many runs', async () => {
    const a = curvature(200, 1)
    using b = vector(randomVector(n, normals(2)), backend)
    const lbfgs = lbfgsPreconditioner({ pairs: 4 })
    const live: number[] = []
    for (let k = 0; k < 12; k++) {
      await lbfgs.beginRun({ damping: damping * (1 + k) })
      using run = await conjugateGradient(matrixOperator(a), b, {
        preconditioner: lbfgs,
        onPair: (pair) => lbfgs.collect(pair),
        maximumIterations: 6 + (k % 3),
      })
      lbfgs.endRun(run.stopReason)
      live.push(backend.memory().liveBytes - run.iterates.length * n * 8)
    }
    expect(new Set(live).size).toBe(1)
    lbfgs.dispose()
    expect(backend.memory().liveBytes).toBe(n * 8)
  })
})
