// Oracles from outside: counts and solutions of scipy, Krylov.jl, curvlinops and Martens' stop rule, collected in
// ../shared/fixtures/small_outside_checks.json.
import { existsSync, readFileSync } from 'node:fs'
import { createReferenceBackend } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from './conjugateGradient.ts'
import type { ConjugateGradientOptions } from './conjugateGradient.ts'
import type { LinearOperator } from './conjugateGradientRun.ts'
import { relativeProgress } from './stopRules/relativeProgress.ts'
import { residualReduction } from './stopRules/residualReduction.ts'
import {
  addDiagonal,
  diagonalMatrix,
  hostOperator,
  matrixOperator,
  matrixVector,
  poisson1d,
  poisson2d,
  range,
  values,
  vector,
} from './testing/linearSystems.ts'
import type { Matrix } from './testing/linearSystems.ts'

const file = new URL('../../../../shared/fixtures/small_outside_checks.json', import.meta.url)
const present = existsSync(file)

interface Case {
  readonly name: string
  readonly n: number
  readonly A: Matrix
  readonly b: readonly number[]
  readonly diag: readonly number[]
  readonly x: readonly number[]
  readonly pAp: readonly number[]
  readonly iters: number
  readonly itersRtol1e5: number
  readonly itersRtol1e6: number
  readonly itersExact: number
  readonly martensStopIters: number
  readonly martensStopWithoutGapFactorIters: number
  readonly phiAtStop: number
  readonly phiExact: number
}

const { cg } = present ? (JSON.parse(readFileSync(file, 'utf8')) as { cg: readonly Case[] }) : { cg: [] }

function checkNamed(name: string): Case {
  const found = cg.find((entry) => entry.name === name)
  if (found === undefined) throw new Error(`the fixture has no case ${name}`)
  return found
}

const backend = createReferenceBackend()

/** Both variants must pass every check. */
describe.skipIf(!present).each(['standard', 'flexible'] as const)(
  'outside checks, variant %s (skipped where ../shared/fixtures is absent)',
  (variant) => {
    const run = async (operator: LinearOperator, b: readonly number[], options: ConjugateGradientOptions) => {
      using rightHandSide = vector(b, backend)
      using result = await conjugateGradient(operator, rightHandSide, {
        variant,
        maximumIterations: 1000,
        ...options,
      })
      return { ...result, x: values(result.solution) }
    }
    const toResidual = (relative: number): ConjugateGradientOptions => ({
      stop: [residualReduction({ relative })],
    })

    it('curvlinops: the 3×3 system has its solution', async () => {
      const { A, b, x } = checkNamed('curvlinops3x3')
      const result = await run(matrixOperator(A), b, toResidual(1e-12))
      result.x.forEach((value, i) => expect(value).toBeCloseTo(x[i], 12))
    })

    it('Krylov.jl: negative curvature is met and reported at the fourth product', async () => {
      const { diag, b, pAp } = checkNamed('krylovIndefinite')
      const result = await run(matrixOperator(diagonalMatrix(diag)), b, toResidual(1e-10))
      expect(result).toMatchObject({ stopReason: 'negativeCurvature', products: 4, iterations: 3 })
      expect(result.history).toHaveLength(pAp.length)
      result.history.forEach(({ curvature }, i) => expect(curvature / pAp[i]).toBeCloseTo(1, 9))
    })

    it('Krylov.jl: ones + 9I takes two iterations', async () => {
      const { n, iters, x } = checkNamed('onesPlus9I')
      const a = addDiagonal(
        range(n).map(() => new Array<number>(n).fill(1)),
        9,
      )
      const b = range(n).map((i) => 10 * (i + 1))
      const result = await run(matrixOperator(a), b, toResidual(1e-8))
      expect(result.iterations).toBe(iters)
      result.x.forEach((value, i) => expect(value).toBeCloseTo(x[i], 10))
    })

    it('scipy: Poisson on a line and on a square take 40 and 87 iterations', async () => {
      const line = checkNamed('poisson1d')
      const square = checkNamed('poisson2d')
      const onLine = await run(hostOperator(poisson1d), range(line.n), toResidual(1e-5))
      expect(onLine.iterations).toBe(line.itersRtol1e5)
      const onSquare = await run(hostOperator(poisson2d), range(square.n), toResidual(1e-5))
      expect(Math.abs(onSquare.iterations - square.itersRtol1e5)).toBeLessThanOrEqual(1)
    })

    it('scipy: tridiag(1, 4, 1) takes 9 iterations to 1e-6, and 10 to the exact solution', async () => {
      const { n, itersRtol1e6, itersExact } = checkNamed('tridiag141')
      const a = range(n).map((i) => range(n).map((j) => (i === j ? 4 : Math.abs(i - j) === 1 ? 1 : 0)))
      const x = range(n).map((i) => i + 1)
      const b = matrixVector(a, x)
      expect((await run(matrixOperator(a), b, toResidual(1e-6))).iterations).toBe(itersRtol1e6)
      const exact = await run(matrixOperator(a), b, { stop: [], maximumIterations: itersExact })
      exact.x.forEach((value, i) => expect(value).toBeCloseTo(x[i], 12))
    })

    it("Martens' stop rule ends Poisson on a line after 37 iterations, and after 43 without the factor k", async () => {
      const { n, martensStopIters, martensStopWithoutGapFactorIters } = checkNamed('poisson1d')
      const withFactor = await run(hostOperator(poisson1d), range(n), { stop: [relativeProgress()] })
      expect(withFactor).toMatchObject({ stopReason: 'relativeProgress', iterations: martensStopIters })
      const without = await run(hostOperator(poisson1d), range(n), {
        stop: [relativeProgress({ scaleByLookBack: false })],
      })
      expect(without.iterations).toBe(martensStopWithoutGapFactorIters)
    })

    it("Martens' stop rule ends diag(i²) after 243 iterations, and after 250 without the factor k", async () => {
      const { n, martensStopIters, phiAtStop, phiExact } = checkNamed('diagSquares')
      const squares = hostOperator((v) => range(n).map((i) => (i + 1) ** 2 * v[i]))
      const ones = new Array<number>(n).fill(1)
      const result = await run(squares, ones, { stop: [relativeProgress()] })
      expect(Math.abs(result.iterations - martensStopIters)).toBeLessThanOrEqual(1)
      expect(result.history[result.iterations - 1].phi).toBeCloseTo(phiAtStop, 4)
      expect(phiExact).toBeCloseTo(-0.5 * range(n).reduce((sum, i) => sum + 1 / (i + 1) ** 2, 0), 12)
      const without = await run(squares, ones, {
        stop: [relativeProgress({ scaleByLookBack: false })],
        maximumIterations: 250,
      })
      expect(without.iterations).toBe(250)
    })
  },
)
