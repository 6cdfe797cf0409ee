// Oracles: elimination and plain loops in double precision (testing/linearSystems.ts); the definition of φ.
import { createReferenceBackend, tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from './conjugateGradient.ts'
import type { ConjugateGradientOptions, ConjugateGradientResult } from './conjugateGradient.ts'
import type { LinearOperator } from './conjugateGradientRun.ts'
import type { CurvaturePair } from './curvaturePair.ts'
import { everyIterate, lastIterate } from './iterateGrid.ts'
import type { Preconditioner } from './preconditioners/preconditioner.ts'
import { residualReduction } from './stopRules/residualReduction.ts'
import type { Matrix } from './testing/linearSystems.ts'
import {
  diagonalMatrix,
  hostOperator,
  innerProduct,
  matrixOperator,
  matrixVector,
  norm,
  normals,
  quadratic,
  randomSpd,
  randomVector,
  range,
  solve,
  values,
  vector,
} from './testing/linearSystems.ts'
import { solveWithoutLeak } from './testing/solveWithoutLeak.ts'

const backend = createReferenceBackend()
const solving = <T>(
  operator: LinearOperator,
  b: ArrayLike<number>,
  options: ConjugateGradientOptions,
  body: (result: ConjugateGradientResult) => T,
): Promise<T> => solveWithoutLeak(backend, operator, b, options, body)

const untilSmall = (relative: number) => ({ stop: [residualReduction({ relative })] })
const inverseOf = (a: Matrix): Preconditioner => ({
  name: 'inverse',
  apply: hostOperator((r) => solve(a, r)),
})
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(range(a.length).map((i) => a[i] - b[i])) / norm(b)

describe('solutions', () => {
  it.each([3, 10, 50])('solves a random positive definite system of size %i to its tolerance', async (n) => {
    const a = randomSpd(n, n)
    const b = randomVector(n, normals(n))
    await solving(matrixOperator(a), b, { ...untilSmall(1e-8), maximumIterations: 20 * n }, (result) => {
      const residual = matrixVector(a, values(result.solution)).map((y, i) => b[i] - y)
      expect(result.stopReason).toBe('residual')
      expect(norm(residual)).toBeLessThanOrEqual(1.01e-8 * norm(b) + 5e-12)
      expect(result.products).toBe(result.iterations)
    })
  })

  it.each([3, 10, 50])('needs one iteration with the exact inverse as preconditioner, size %i', async (n) => {
    const a = randomSpd(n, n)
    const b = randomVector(n, normals(n))
    const options = { ...untilSmall(1e-7), preconditioner: inverseOf(a) }
    await solving(matrixOperator(a), b, options, (result) => {
      expect(result.iterations).toBe(1)
      expect(result.stopReason).toBe('residual')
    })
    const without = await solving(
      matrixOperator(a),
      b,
      { ...untilSmall(1e-7), maximumIterations: 500 },
      (r) => r.iterations,
    )
    expect(without).toBeGreaterThan(1)
  })

  it('is zero for b = 0, with no product', async () => {
    await solving(matrixOperator(randomSpd(4, 1)), [0, 0, 0, 0], {}, (result) => {
      expect(result).toMatchObject({ stopReason: 'converged', iterations: 0, products: 0 })
      expect(values(result.solution)).toEqual([0, 0, 0, 0])
    })
  })

  it('stops when the residual is exactly zero', async () => {
    await solving(matrixOperator(diagonalMatrix([2, 2, 2])), [2, 4, 6], {}, (result) => {
      expect(result).toMatchObject({ stopReason: 'converged', iterations: 1 })
      expect(values(result.solution)).toEqual([1, 2, 3])
    })
  })

  it('works in float32', async () => {
    using b = tensor(Float32Array.of(1, 2, 3), { backend })
    const operator = matrixOperator([
      [4, 1, 0],
      [1, 3, 1],
      [0, 1, 2],
    ])
    using result = await conjugateGradient(operator, b, untilSmall(1e-5))
    const x = [...result.solution.readSync()]
    expect(result.solution.dtype).toBe('float32')
    expect(difference(x, [2 / 9, 1 / 9, 13 / 9])).toBeLessThan(1e-5)
  })
})

describe('what an iteration reports', () => {
  const n = 30
  const a = randomSpd(n, 7)
  const b = randomVector(n, normals(7))

  it.each(['flexible', 'standard'] as const)(
    'has φ, norms, curvature and step as defined, variant %s',
    async (variant) => {
      const preconditioner = {
        name: 'scaling',
        apply: hostOperator((r) => range(n).map((i) => r[i] / (1 + i))),
      }
      const options = { variant, preconditioner, keep: everyIterate, maximumIterations: 12, stop: [] }
      await solving(matrixOperator(a), b, options, (result) => {
        let previous = new Array<number>(n).fill(0)
        for (const [i, { iterate, phi, norm: length, iteration }] of result.iterates.entries()) {
          const x = values(iterate)
          const residual = matrixVector(a, x).map((y, j) => b[j] - y)
          const measured = result.history[i]
          const step = x.map((value, j) => (value - previous[j]) / measured.step)
          expect(iteration).toBe(i + 1)
          expect(measured.iteration).toBe(i + 1)
          expect(phi).toBe(measured.phi)
          expect(length).toBe(measured.iterateNorm)
          expect(Math.abs(phi - quadratic(a, b, x))).toBeLessThan(1e-10 * Math.abs(phi))
          expect(measured.residualNorm).toBeCloseTo(norm(residual), 9)
          expect(measured.iterateNorm).toBeCloseTo(norm(x), 10)
          expect(measured.curvature / innerProduct(step, matrixVector(a, step))).toBeCloseTo(1, 8)
          previous = x
        }
        expect(result.history[0].preconditionedNorm).toBeCloseTo(
          Math.sqrt(range(n).reduce((sum, i) => sum + b[i] ** 2 / (1 + i), 0)),
          10,
        )
        expect(result.history[0].conjugation).toBe(0)
      })
    },
  )

  it('gives φ that falls from iteration to iteration', async () => {
    await solving(matrixOperator(a), b, { maximumIterations: 25, stop: [] }, ({ history }) => {
      for (const [i, { phi }] of history.entries()) expect(phi).toBeLessThan(i === 0 ? 0 : history[i - 1].phi)
    })
  })

  it('keeps the iterates of the grid and the last one, each once', async () => {
    const kept = (maximumIterations: number, options: ConjugateGradientOptions = {}) =>
      solving(matrixOperator(a), b, { maximumIterations, stop: [], ...options }, ({ iterates, solution }) => {
        expect(solution).toBe(iterates[iterates.length - 1].iterate)
        return iterates.map(({ iteration }) => iteration)
      })
    expect(await kept(16)).toEqual([5, 7, 9, 11, 15, 16])
    expect(await kept(15)).toEqual([5, 7, 9, 11, 15])
    expect(await kept(3)).toEqual([3])
    expect(await kept(6, { keep: lastIterate })).toEqual([6])
  })

  it('hands out pairs with s = x − x_previous and y = A s', async () => {
    const pairs: CurvaturePair[] = []
    const options = {
      maximumIterations: 8,
      stop: [],
      keep: everyIterate,
      onPair: (pair: CurvaturePair) => pairs.push(pair),
    }
    await solving(matrixOperator(a), b, options, ({ iterates }) => {
      let previous = new Array<number>(n).fill(0)
      expect(pairs.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      for (const [i, { s, y }] of pairs.entries()) {
        const x = values(iterates[i].iterate)
        const step = x.map((value, j) => value - previous[j])
        expect(difference(values(s), step)).toBeLessThan(1e-9)
        expect(difference(values(y), matrixVector(a, values(s)))).toBeLessThan(1e-12)
        s.dispose()
        y.dispose()
        previous = x
      }
    })
  })
})

describe('variants', () => {
  it('are the same method for a fixed preconditioner: φ agrees to 1e-9 after 10 iterations', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), async (seed) => {
        const n = 20
        const draw = normals(seed)
        const a = randomSpd(n, seed, 0.1)
        const b = randomVector(n, draw)
        const scale = randomVector(n, () => 0.5 + Math.abs(draw()))
        const preconditioner = { name: 'scaling', apply: hostOperator((r) => scale.map((d, i) => d * r[i])) }
        const phis = (variant: 'flexible' | 'standard') =>
          solving(
            matrixOperator(a),
            b,
            { variant, preconditioner, maximumIterations: 10, stop: [] },
            ({ history }) => history.map(({ phi }) => phi),
          )
        const flexible = await phis('flexible')
        const standard = await phis('standard')
        for (const [i, phi] of flexible.entries()) {
          expect(Math.abs(phi - standard[i])).toBeLessThan(1e-9 * Math.abs(phi))
        }
      }),
      { numRuns: 20 },
    )
  })
})

describe('warm start', () => {
  const n = 12
  const a = randomSpd(n, 3, 0.5)
  const b = randomVector(n, normals(3))
  const x = solve(a, b)
  const from = async (initial: number[], options: ConjugateGradientOptions = {}) => {
    using warm = vector(initial, backend)
    return await solving(
      matrixOperator(a),
      b,
      { ...untilSmall(1e-9), initial: warm, ...options },
      (result) => ({
        ...result,
        x: values(result.solution),
      }),
    )
  }

  it('costs one product and saves iterations', async () => {
    const near = await from(x.map((value, i) => value + 1e-6 * (i % 3)))
    const cold = await solving(matrixOperator(a), b, untilSmall(1e-9), (result) => result.iterations)
    expect(near.start.from).toBe('warmStart')
    expect(near.products).toBe(near.iterations + 1)
    expect(near.iterations).toBeLessThan(cold)
    expect(difference(near.x, x)).toBeLessThan(1e-7)
  })

  it('knows φ at the start', async () => {
    const initial = x.map((value) => 0.5 * value)
    const { start } = await from(initial)
    expect(start.phi).toBeCloseTo(quadratic(a, b, initial), 12)
    expect(start.iterateNorm).toBeCloseTo(norm(initial), 12)
    expect(start.rightHandSideNorm).toBeCloseTo(norm(b), 12)
  })

  it('is dropped if φ is positive there or not a number, unless that is switched off', async () => {
    const bad = x.map((value) => -value)
    expect(quadratic(a, b, bad)).toBeGreaterThan(0)
    const dropped = await from(bad)
    expect(dropped.start).toMatchObject({ from: 'restarted', iterateNorm: 0 })
    expect(dropped.start.phi).toBeCloseTo(0, 15)
    expect(dropped.products).toBe(dropped.iterations + 1)
    expect((await from(bad.map(() => NaN))).start.from).toBe('restarted')
    const kept = await from(bad, { restartIfWorse: false })
    expect(kept.start.from).toBe('warmStart')
    expect(difference(kept.x, x)).toBeLessThan(1e-7)
  })
})
