// Conjugate gradients as the inner solver of Newton's method, on the problems of scipy's own tests. The outer loop is
// written here: forcing term, conjugate gradients, Armijo. Oracles: the known minima; scipy's minimiser.
import { existsSync, readFileSync } from 'node:fs'
import { createReferenceBackend } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { armijoLineSearch } from './armijoLineSearch.ts'
import { conjugateGradient } from './conjugateGradient.ts'
import { newtonForcing } from './stopRules/newtonForcing.ts'
import { innerProduct, matrixOperator, norm, range, values, vector } from './testing/linearSystems.ts'
import type { Matrix } from './testing/linearSystems.ts'

const backend = createReferenceBackend()

interface Smooth {
  readonly value: (x: readonly number[]) => number
  readonly gradient: (x: readonly number[]) => number[]
  readonly hessian: (x: readonly number[]) => Matrix
}

/** Truncated Newton: at negative curvature in the first iteration the step is steepest descent, scaled by it. */
async function newton({ value, gradient, hessian }: Smooth, start: readonly number[], tolerance: number) {
  let x = [...start]
  let products = 0
  for (let iterations = 0; ; iterations++) {
    const g = gradient(x)
    if (norm(g) < tolerance || iterations === 200) return { x, iterations, products }
    using b = vector(
      g.map((component) => -component),
      backend,
    )
    using inner = await conjugateGradient(matrixOperator(hessian(x)), b, {
      stop: [newtonForcing()],
      maximumIterations: 20 * x.length,
    })
    products += inner.products
    const curvature = Math.abs(inner.history[0].curvature)
    const steepest = g.map((component) => (-component * innerProduct(g, g)) / curvature)
    const step = inner.iterations === 0 ? steepest : values(inner.solution)
    const at = (rate: number): number[] => x.map((component, i) => component + rate * step[i])
    const { rate } = await armijoLineSearch({
      loss: (trial) => value(at(trial)),
      initialLoss: value(x),
      slope: innerProduct(g, step),
    })
    if (rate === 0) return { x, iterations, products }
    x = at(rate)
  }
}

const rosenbrock: Smooth = {
  value: (x) =>
    range(x.length - 1).reduce((sum, i) => sum + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, 0),
  gradient: (x) =>
    range(x.length).map((i) => {
      const inner = i < x.length - 1 ? -400 * x[i] * (x[i + 1] - x[i] ** 2) - 2 * (1 - x[i]) : 0
      return inner + (i > 0 ? 200 * (x[i] - x[i - 1] ** 2) : 0)
    }),
  hessian: (x) =>
    range(x.length).map((i) =>
      range(x.length).map((j) => {
        if (Math.abs(i - j) === 1) return -400 * x[Math.min(i, j)]
        if (i !== j) return 0
        const inner = i < x.length - 1 ? 1200 * x[i] ** 2 - 400 * x[i + 1] + 2 : 0
        return inner + (i > 0 ? 200 : 0)
      }),
    ),
}

describe('truncated Newton with our conjugate gradients', () => {
  it.each([[[2, 2]], [[-1.2, 1]], [[1.3, 0.7, 0.8, 1.9, 1.2]]])(
    'minimises the Rosenbrock function from %j',
    async (start) => {
      const { x, iterations } = await newton(rosenbrock, start, 1e-8)
      x.forEach((component) => expect(component).toBeCloseTo(1, 7))
      // scipy's newton-cg, whose line search and norm differ, takes 24 to 85.
      expect(iterations).toBeLessThan(90)
    },
  )
})

const file = new URL('../../../../shared/fixtures/small_outside_checks.json', import.meta.url)

describe.skipIf(!existsSync(file))('maximum entropy (skipped where ../shared/fixtures is absent)', () => {
  it("has scipy's solution within one iteration of the four that scipy takes", async () => {
    const { maxent } = (
      JSON.parse(readFileSync(file, 'utf8')) as {
        scipy_1_17_1: {
          maxent: { F: Matrix; K: number[]; start: number[]; x: number[]; f: number; newtonCgIters: number }
        }
      }
    ).scipy_1_17_1
    const probabilities = (x: readonly number[]): number[] => {
      const weights = maxent.F.map((row) => Math.exp(innerProduct(row, x)))
      const total = weights.reduce((a, b) => a + b, 0)
      return weights.map((weight) => weight / total)
    }
    const means = (x: readonly number[]): number[] => {
      const p = probabilities(x)
      return range(3).map((j) => maxent.F.reduce((sum, row, k) => sum + p[k] * row[j], 0))
    }
    const dual: Smooth = {
      value: (x) =>
        Math.log(maxent.F.reduce((sum, row) => sum + Math.exp(innerProduct(row, x)), 0)) -
        innerProduct(maxent.K, x),
      gradient: (x) => means(x).map((mean, j) => mean - maxent.K[j]),
      hessian: (x) => {
        const [p, m] = [probabilities(x), means(x)]
        return range(3).map((i) =>
          range(3).map(
            (j) => maxent.F.reduce((sum, row, k) => sum + p[k] * row[i] * row[j], 0) - m[i] * m[j],
          ),
        )
      },
    }
    const { x, iterations } = await newton(dual, maxent.start, 1e-7)
    x.forEach((component, i) => expect(component).toBeCloseTo(maxent.x[i], 5))
    // The printed solution is good to 2e-6, ours to the gradient's tolerance.
    expect(norm(dual.gradient(x))).toBeLessThan(1e-7)
    expect(dual.value(x)).toBeCloseTo(maxent.f, 10)
    expect(Math.abs(iterations - maxent.newtonCgIters)).toBeLessThanOrEqual(1)
  })
})
