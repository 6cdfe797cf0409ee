// The recursion over all pairs at once on real pairs: conjugate gradients in float32 on the Gauss-Newton matrix of a
// network, long enough for conjugacy to be lost. Oracle: the two-loop recursion on the same pairs by loops in float64.
// Yardstick for rounding: `twoLoopRecursion`, pair after pair in float32.
import { createWasmBackend, hostArray, sigmoid, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from '../conjugateGradient.ts'

import { createCurvature } from '../curvature.ts'
import type { CurvaturePair } from '../curvaturePair.ts'
import { allCases, prepareSample, uploadDataset } from '../dataset.ts'
import type { DenseLayer } from '../initialisation.ts'
import { logisticCrossEntropy } from '../losses/logisticCrossEntropy.ts'
import { flattenParameters, parameterLayout } from '../parameterLayout.ts'
import { normals, randomVector, range, values } from '../testing/linearSystems.ts'
import { smallLayers } from '../testing/smallProblem.ts'
import { blockTwoLoop, blockTwoLoopAfter, blockTwoLoopBefore } from './blockTwoLoop.ts'
import { lbfgsPreconditioner } from './lbfgs.ts'
import { pairFactors } from './pairFactors.ts'
import { disposeMatrices, pairProducts, stackPairs } from './pairMatrices.ts'
import type { Preconditioner } from './preconditioner.ts'
import { twoLoopRecursion } from './twoLoopRecursion.ts'

const backend = createWasmBackend()
/** By a loop of its own: tens of thousands of them are taken. */
function innerProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
const norm = (a: ArrayLike<number>): number => Math.sqrt(innerProduct(a, a))
const float32 = (data: ArrayLike<number>): Tensor => tensor(Float32Array.from(data), { backend })

/** An autoencoder of sigmoid units on data from a few latent causes, as a damped Gauss-Newton operator. */
function operatorOf(widths: readonly number[], seed: number) {
  const draw = normals(seed)
  const causes = range(widths[0]).map(() => randomVector(4, draw))
  const data = range(150).flatMap(() => {
    const cause = randomVector(4, draw)
    return causes.map((weights) => 1 / (1 + Math.exp(-innerProduct(weights, cause))))
  })
  const inputs = hostArray(Float32Array.from(data), [150, widths[0]])
  const set = uploadDataset({ inputs, targets: inputs }, backend)
  const layers = smallLayers(backend, widths, 'float32', seed)
  const layout = parameterLayout(layers)
  const model = (all: readonly DenseLayer[], x: Tensor): Tensor =>
    all.reduce((h, { w, b }, i) => {
      const z = h.dot(w).add(b)
      return i === all.length - 1 ? z : sigmoid(z)
    }, x)
  const theta = flattenParameters(layout, layers)
  const curvature = createCurvature({ model, loss: logisticCrossEntropy() }, layout)
  return {
    operator: curvature.linearize(theta, prepareSample(set, allCases(set), 150, 'float32')),
    n: theta.size,
  }
}

/** Pairs of one run with a random right-hand side. */
async function pairsOf(
  { operator, n }: ReturnType<typeof operatorOf>,
  damping: number,
  iterations: number,
): Promise<CurvaturePair[]> {
  const pairs: CurvaturePair[] = []
  using direction = float32(randomVector(n, normals(7)))
  using b = operator.apply(direction, damping)
  using _ = await conjugateGradient((v) => operator.apply(v, damping), b, {
    maximumIterations: iterations,
    stop: [],
    onPair: (pair) => pairs.push(pair),
  })
  return pairs
}

/** H v by loops in float64, for H₀ = γI. */
function exactInverse(
  s: readonly number[][],
  y: readonly number[][],
  gamma: number,
  v: readonly number[],
): number[] {
  let q = [...v]
  const a: number[] = []
  for (let i = s.length - 1; i >= 0; i--) {
    a[i] = innerProduct(s[i], q) / innerProduct(s[i], y[i])
    q = q.map((x, k) => x - a[i] * y[i][k])
  }
  let z = q.map((x) => gamma * x)
  for (const i of range(s.length)) {
    const c = a[i] - innerProduct(y[i], z) / innerProduct(s[i], y[i])
    z = z.map((x, k) => x + c * s[i][k])
  }
  return z
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  norm(a.map((x, i) => x - b[i])) / norm(b)

/** Applications of H by both forms in float32. The pairs are consumed. */
function bothForms(pairs: readonly CurvaturePair[], given: readonly number[][]) {
  const [s, y] = [pairs.map((pair) => values(pair.s)), pairs.map((pair) => values(pair.y))]
  const newest = s.length - 1
  const gamma = innerProduct(s[newest], y[newest]) / innerProduct(y[newest], y[newest])
  using scale = tensor(gamma, { backend, dtype: 'float32' })
  using rho = float32(s.map((each, i) => 1 / innerProduct(each, y[i])))
  const vectors = { s: pairs.map((pair) => pair.s), y: pairs.map((pair) => pair.y) }
  const apply = (f: (v: Tensor) => Tensor) =>
    given.map((v) => {
      using input = float32(v)
      using output = f(input)
      return values(output)
    })
  const twoLoop = apply((v) => twoLoopRecursion(v, vectors, rho, scale))
  const matrices = stackPairs(pairs, 0)
  using products = pairProducts(matrices)
  const { inverse, diagonal, kept } = pairFactors(products.readSync(), s.length, 1e-8)
  expect(kept).toHaveLength(s.length)
  using t = tensor(inverse, { shape: [s.length, s.length], dtype: 'float32', backend })
  using d = float32(diagonal)
  const factors = { inverse: t, diagonal: d }
  const block = apply((v) => blockTwoLoop(v, matrices, factors, scale))
  const halves = apply((v) => {
    const { q, a } = blockTwoLoopBefore(v, matrices, factors)
    const z = blockTwoLoopAfter(q.multiply(scale), matrices, factors, a)
    q.dispose()
    a.dispose()
    return z
  })
  disposeMatrices(matrices)
  const exact = given.map((v) => exactInverse(s, y, gamma, v))
  const conjugacy = s.flatMap((each, i) =>
    y.map((other, j) =>
      i === j
        ? 0
        : innerProduct(each, other) / Math.sqrt(innerProduct(each, y[i]) * innerProduct(s[j], other)),
    ),
  )
  return { exact, twoLoop, block, halves, lost: Math.max(...conjugacy.map(Math.abs)) }
}

describe('on pairs of conjugate gradients that have lost conjugacy, in float32', () => {
  it.each([
    [[12, 8, 12], 1e-2],
    [[12, 8, 12], 1e-5],
    [[20, 14, 5, 14, 20], 1e-4],
    [[20, 14, 5, 14, 20], 1e-5],
    [[40, 30, 40], 1e-4],
  ])(
    'network %s at damping %d: as accurate as pair after pair, to a factor of 8',
    async (widths, damping) => {
      const problem = operatorOf(widths, 5)
      const { n } = problem
      for (const iterations of [32, 64]) {
        const pairs = await pairsOf(problem, damping, iterations)
        const draw = normals(iterations)
        using random = float32(randomVector(n, draw))
        // Residuals lie in the range of the curvature: the hard case, where H v is small beside ‖H‖ ‖v‖.
        using inRange = problem.operator.apply(random, 0)
        const given = [
          randomVector(n, draw),
          values(inRange),
          values(pairs[3].y),
          values(pairs[pairs.length - 1].y),
        ]
        const { exact, twoLoop, block, halves, lost } = bothForms(pairs, given)
        expect(lost).toBeGreaterThan(0.1)
        const worst = (form: readonly number[][]): number =>
          Math.max(...form.map((z, i) => distance(z, exact[i])))
        const bound = 8 * Math.max(worst(twoLoop), 2 ** -22)
        expect(worst(block)).toBeLessThan(bound)
        expect(worst(halves)).toBeLessThan(bound)
        // Symmetric and positive definite.
        const [u, v] = given
        const [hu, hv] = block
        const asymmetry = Math.abs(innerProduct(u, hv) - innerProduct(v, hu))
        expect(asymmetry).toBeLessThan(bound * (norm(u) * norm(hv) + norm(v) * norm(hu)))
        for (const [i, each] of given.entries()) expect(innerProduct(each, block[i])).toBeGreaterThan(0)
      }
    },
  )

  it('takes as many iterations as with the two-loop form, give or take one', async () => {
    const problem = operatorOf([30, 20, 6, 20, 30], 8)
    const { n, operator } = problem
    for (const damping of [1e-3, 1e-5]) {
      const pairs = (await pairsOf(problem, damping, 40)).slice(8)
      const copies = pairs.map(({ iteration, s, y }) => ({
        iteration: iteration - 8,
        s: float32(values(s)),
        y: float32(values(y)),
      }))
      const lbfgs = lbfgsPreconditioner()
      await lbfgs.beginRun({ damping })
      copies.forEach((pair) => lbfgs.collect(pair))
      expect(lbfgs.endRun('relativeProgress')).toBe(true)
      await lbfgs.beginRun({ damping })
      const products = pairs.map(({ s, y }) => innerProduct(values(s), values(y)))
      const newest = values(pairs[pairs.length - 1].y)
      using rho = float32(products.map((product) => 1 / product))
      using gamma = tensor(products[pairs.length - 1] / innerProduct(newest, newest), {
        backend,
        dtype: 'float32',
      })
      const vectors = { s: pairs.map(({ s }) => s), y: pairs.map(({ y }) => y) }
      const pairByPair = { name: 'two-loop', apply: (r: Tensor) => twoLoopRecursion(r, vectors, rho, gamma) }
      using direction = float32(randomVector(n, normals(9)))
      using b = operator.apply(direction, damping)
      const run = async (preconditioner: Preconditioner) => {
        using result = await conjugateGradient((v) => operator.apply(v, damping), b, {
          preconditioner,
        })
        expect(result.stopReason).toBe('relativeProgress')
        return { iterations: result.iterations, phi: result.history[result.iterations - 1].phi }
      }
      const [atOnce, byPair] = [await run(lbfgs), await run(pairByPair)]
      expect(Math.abs(atOnce.iterations - byPair.iterations)).toBeLessThanOrEqual(1)
      expect(Math.abs(atOnce.phi - byPair.phi)).toBeLessThan(1e-3 * Math.abs(byPair.phi))
      expect(atOnce.iterations).toBeGreaterThan(5)
      lbfgs.dispose()
    }
  })
})
