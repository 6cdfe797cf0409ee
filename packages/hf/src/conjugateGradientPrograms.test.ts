// What an iteration costs, read off the fused programs and not off a clock; and that fusing changes no result.
import { createReferenceBackend } from '@hessian-free/tensor'
import type { Backend, Executable } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from './conjugateGradient.ts'
import { conjugateGradientPrograms } from './conjugateGradientPrograms.ts'
import { lbfgsPreconditioner } from './preconditioners/lbfgs.ts'
import { twoLoopRecursion } from './preconditioners/twoLoopRecursion.ts'
import {
  matrixOperator,
  normals,
  randomSpd,
  randomVector,
  range,
  values,
  vector,
} from './testing/linearSystems.ts'

const fused = createReferenceBackend({ optimise: true })
const kernels = (executable: Executable): number => executable.summary.kernels.length

describe('fused programs', () => {
  const n = 1000
  const flat = (size = n) => vector(new Array<number>(size).fill(1), fused)

  it('take at most ten kernels for an iteration besides the product', () => {
    const { advance, redirect, redirectPlain } = conjugateGradientPrograms(fused)
    const [x, r, p, product, b, z] = range(6).map(() => flat())
    using direction = flat(2)
    using report = flat(7)
    const advancing = kernels(advance.executableFor(x, r, p, product, b, direction))
    for (const variant of ['flexible', 'standard'] as const) {
      expect(
        advancing + kernels(redirect[variant].executableFor(z, r, p, product, report)),
      ).toBeLessThanOrEqual(10)
      expect(
        advancing + kernels(redirectPlain[variant].executableFor(r, p, product, report)),
      ).toBeLessThanOrEqual(10)
    }
    for (const tensor of [x, r, p, product, b, z]) tensor.dispose()
  })

  it('take at most three kernels for a pair of the two-loop recursion, however many pairs there are', () => {
    for (const m of [2, 8, 32]) {
      const pairs = { s: range(m).map(() => flat()), y: range(m).map(() => flat()) }
      using v = flat()
      using rho = flat(m)
      using one = flat(1)
      const gamma = one.reshape([])
      expect(kernels(twoLoopRecursion.executableFor(v, pairs, rho, gamma))).toBeLessThanOrEqual(3 * m)
      for (const tensor of [...pairs.s, ...pairs.y, gamma]) tensor.dispose()
    }
    expect(fused.memory().liveBuffers).toBe(0)
  })

  it('give the same runs as programs interpreted as they stand', async () => {
    const a = randomSpd(30, 5, 0.1)
    const b = randomVector(30, normals(5))
    const runs = async (backend: Backend) => {
      const lbfgs = lbfgsPreconditioner({ pairs: 8 })
      using rightHandSide = vector(b, backend)
      const outcomes: number[][] = []
      for (const damping of [0, 0.1]) {
        await lbfgs.beginRun({ damping })
        using run = await conjugateGradient(matrixOperator(a), rightHandSide, {
          preconditioner: lbfgs,
          onPair: (pair) => lbfgs.collect(pair),
          maximumIterations: 12,
          stop: [],
        })
        expect(lbfgs.endRun(run.stopReason)).toBe(true)
        outcomes.push(
          run.history.map(({ phi }) => phi),
          values(run.solution),
        )
      }
      lbfgs.dispose()
      return outcomes.flat()
    }
    const expected = await runs(createReferenceBackend())
    const actual = await runs(fused)
    actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 8))
    expect(fused.memory().liveBuffers).toBe(0)
  })
})
