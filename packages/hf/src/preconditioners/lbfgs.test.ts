// Oracles: the dense BFGS update H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ, by loops; the secant equation; A itself.
import { ArgumentError, LifetimeError, createReferenceBackend } from '@hessian-free/tensor'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { conjugateGradient } from '../conjugateGradient.ts'
import type { CurvaturePair } from '../curvaturePair.ts'
import type { Matrix } from '../testing/linearSystems.ts'
import {
  addDiagonal,
  hostOperator,
  innerProduct,
  matrixOperator,
  matrixVector,
  norm,
  normals,
  randomSpd,
  randomVector,
  range,
  values,
  vector,
} from '../testing/linearSystems.ts'
import type { LbfgsPreconditioner, LbfgsPreconditionerOptions, LbfgsRunOptions } from './lbfgs.ts'
import { lbfgsPreconditioner } from './lbfgs.ts'

const backend = createReferenceBackend()
let before = { liveBuffers: 0, liveBytes: 0 }
const counts = () => {
  const { liveBuffers, liveBytes } = backend.memory()
  return { liveBuffers, liveBytes }
}
beforeEach(() => {
  before = counts()
})
afterEach(() => {
  expect(counts()).toEqual(before)
})

const pairOf = (a: Matrix, s: readonly number[], iteration: number): CurvaturePair => ({
  iteration,
  s: vector(s, backend),
  y: vector(matrixVector(a, s), backend),
})

/** A preconditioner that has the pairs (s, A s) in force, with a run begun at `run`. */
async function withPairs(
  a: Matrix,
  steps: readonly (readonly number[])[],
  options: LbfgsPreconditionerOptions,
  run: LbfgsRunOptions & { readonly measuredAt?: number } = { damping: 0 },
): Promise<LbfgsPreconditioner> {
  const lbfgs = lbfgsPreconditioner({ pairs: steps.length, minimumPairs: 1, ...options })
  await lbfgs.beginRun({ damping: run.measuredAt ?? run.damping })
  steps.forEach((s, i) => lbfgs.collect(pairOf(a, s, i + 1)))
  expect(lbfgs.endRun('relativeProgress')).toBe(true)
  await lbfgs.beginRun(run)
  return lbfgs
}

function applyTo(lbfgs: LbfgsPreconditioner, v: readonly number[]): number[] {
  using input = vector(v, backend)
  using output = lbfgs.apply(input)
  return values(output)
}

const unit = (n: number, i: number): number[] => range(n).map((j) => (i === j ? 1 : 0))
const scaled = (v: readonly number[], factor: number): number[] => v.map((x) => factor * x)
const closeTo = (actual: readonly number[], expected: readonly number[], tolerance: number): void => {
  const error = norm(actual.map((x, i) => x - expected[i]))
  expect(error).toBeLessThan(tolerance * norm(expected))
}

/** H of the pairs (s, A s) by the dense update. */
function denseInverse(a: Matrix, steps: readonly (readonly number[])[], start: Matrix): Matrix {
  let h = start.map((row) => [...row])
  const n = a.length
  for (const s of steps) {
    const y = matrixVector(a, s)
    const rho = 1 / innerProduct(s, y)
    const left = range(n).map((i) => range(n).map((j) => (i === j ? 1 : 0) - rho * s[i] * y[j]))
    const middle = left.map((row) =>
      range(n).map((j) => range(n).reduce((sum, k) => sum + row[k] * h[k][j], 0)),
    )
    h = range(n).map((i) => range(n).map((j) => innerProduct(middle[i], left[j]) + rho * s[i] * s[j]))
  }
  return h
}

const problem = fc.record({
  n: fc.integer({ min: 2, max: 8 }),
  count: fc.integer({ min: 1, max: 5 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
})

describe('the inverse that the pairs define', () => {
  it('is the dense BFGS inverse, for scaled identity, identity and a given diagonal', async () => {
    await fc.assert(
      fc.asyncProperty(
        problem,
        fc.constantFrom('secant', 'identity', 'given'),
        async ({ n, count, seed }, initial) => {
          const a = randomSpd(n, seed, 0.1)
          const steps = range(count).map((k) => randomVector(n, normals(seed + k)))
          const newest = steps[count - 1]
          const y = matrixVector(a, newest)
          const gamma = initial === 'secant' ? innerProduct(newest, y) / innerProduct(y, y) : 1
          const diagonal = range(n).map((i) => (initial === 'given' ? 1 / (1 + i) : gamma))
          const given = { name: 'given', apply: hostOperator((r) => diagonal.map((d, i) => d * r[i])) }
          const lbfgs = await withPairs(
            a,
            steps,
            { initial: initial === 'secant' ? 'secant' : 'identity' },
            { damping: 0, ...(initial === 'given' ? { initial: given } : {}) },
          )
          const start = diagonal.map((d, i) => scaled(unit(n, i), d))
          const h = denseInverse(a, steps, start)
          for (const i of range(n)) {
            closeTo(
              applyTo(lbfgs, unit(n, i)),
              h.map((row) => row[i]),
              1e-8,
            )
          }
          lbfgs.dispose()
        },
      ),
      { numRuns: 60 },
    )
  })

  it('maps the newest y to the newest s, is symmetric and positive definite', async () => {
    await fc.assert(
      fc.asyncProperty(problem, async ({ n, count, seed }) => {
        const a = randomSpd(n, seed, 0.1)
        const steps = range(count).map((k) => randomVector(n, normals(seed + k)))
        const lbfgs = await withPairs(a, steps, {})
        closeTo(applyTo(lbfgs, matrixVector(a, steps[count - 1])), steps[count - 1], 1e-10)
        const draw = normals(seed + 100)
        const [u, v] = [randomVector(n, draw), randomVector(n, draw)]
        const [hu, hv] = [applyTo(lbfgs, u), applyTo(lbfgs, v)]
        expect(Math.abs(innerProduct(u, hv) - innerProduct(v, hu))).toBeLessThan(1e-9 * norm(hu) * norm(v))
        expect(innerProduct(u, hu)).toBeGreaterThan(0)
        lbfgs.dispose()
      }),
      { numRuns: 40 },
    )
  })

  it('inverts A on the span of pairs from one conjugate gradient run', async () => {
    const a = randomSpd(40, 4, 0.5)
    const steps: number[][] = []
    using b = vector(randomVector(40, normals(4)), backend)
    using _ = await conjugateGradient(matrixOperator(a), b, {
      maximumIterations: 6,
      stop: [],
      onPair: ({ s, y }) => {
        steps.push(values(s))
        s.dispose()
        y.dispose()
      },
    })
    const lbfgs = await withPairs(a, steps, {})
    for (const s of steps) closeTo(applyTo(lbfgs, matrixVector(a, s)), s, 1e-8)
    lbfgs.dispose()
  })
})

describe('damping', () => {
  const g = randomSpd(6, 8)
  const steps = range(3).map((k) => randomVector(6, normals(k + 1)))

  it('moves pairs measured at one damping to another exactly', async () => {
    const lbfgs = await withPairs(addDiagonal(g, 5), steps, {}, { measuredAt: 5, damping: 0.01 })
    closeTo(applyTo(lbfgs, matrixVector(addDiagonal(g, 0.01), steps[2])), steps[2], 1e-10)
    // All of H, not only the newest pair, is that of pairs measured at the new damping.
    const direct = await withPairs(addDiagonal(g, 0.01), steps, {}, { damping: 0.01 })
    const v = randomVector(6, normals(77))
    closeTo(applyTo(lbfgs, v), applyTo(direct, v), 1e-10)
    lbfgs.dispose()
    direct.dispose()
  })

  it('follows several changes while the pairs stay in force', async () => {
    const lbfgs = await withPairs(addDiagonal(g, 5), steps, {}, { measuredAt: 5, damping: 7.5 })
    for (const damping of [5, 10 / 3, 0.1, 4]) {
      expect(lbfgs.endRun('relativeProgress')).toBe(false)
      await lbfgs.beginRun({ damping })
      closeTo(applyTo(lbfgs, matrixVector(addDiagonal(g, damping), steps[2])), steps[2], 1e-10)
    }
    lbfgs.dispose()
  })

  it('drops a pair that the guard refuses and keeps the others', async () => {
    const a = range(3).map((i) => scaled(unit(3, i), [1, 2, -1][i]))
    const lbfgs = await withPairs(a, [unit(3, 0), unit(3, 2), unit(3, 1)], { initial: 'identity' })
    expect(lbfgs.pairCount).toBe(2)
    expect(applyTo(lbfgs, [1, 1, 1])).toEqual([1, 0.5, 1])
    lbfgs.dispose()
  })
})

describe('runs', () => {
  const a = randomSpd(5, 6, 0.2)
  const stepsFrom = (seed: number, count: number) =>
    range(count).map((k) => randomVector(5, normals(seed + k)))
  const collectAll = (lbfgs: LbfgsPreconditioner, steps: readonly (readonly number[])[]): void =>
    steps.forEach((s, i) => lbfgs.collect(pairOf(a, s, i + 1)))

  it('is the identity in the first run, and lets solvers skip it', async () => {
    const lbfgs = lbfgsPreconditioner()
    await lbfgs.beginRun({ damping: 1 })
    expect(lbfgs.isIdentity).toBe(true)
    expect(applyTo(lbfgs, [1, 2, 3])).toEqual([1, 2, 3])
    lbfgs.dispose()
  })

  it('is the given H₀ in the first run', async () => {
    const lbfgs = lbfgsPreconditioner()
    const halving = { name: 'halving', apply: hostOperator((r) => range(r.length).map((i) => r[i] / 2)) }
    await lbfgs.beginRun({ damping: 1, initial: halving })
    expect(lbfgs.isIdentity).toBe(false)
    expect(applyTo(lbfgs, [2, 4])).toEqual([1, 2])
    lbfgs.dispose()
  })

  it('stays fixed while the pairs of the run under way are collected', async () => {
    const lbfgs = await withPairs(a, stepsFrom(1, 3), { pairs: 4 })
    const v = [1, -2, 3, 0, 1]
    const fixed = applyTo(lbfgs, v)
    for (const [i, s] of stepsFrom(50, 4).entries()) {
      lbfgs.collect(pairOf(a, s, i + 1))
      expect(applyTo(lbfgs, v)).toEqual(fixed)
    }
    expect(lbfgs.collectedCount).toBe(4)
    expect(lbfgs.endRun('maximumIterations')).toBe(true)
    await lbfgs.beginRun({ damping: 0 })
    expect(lbfgs.pairCount).toBe(4)
    expect(applyTo(lbfgs, v)).not.toEqual(fixed)
    lbfgs.dispose()
  })

  it('replaces its pairs only by enough of them, from a run without negative curvature or NaN', async () => {
    const lbfgs = await withPairs(a, stepsFrom(1, 3), { pairs: 10, minimumPairs: 3 })
    const replacedBy = async (
      count: number,
      reason: 'relativeProgress' | 'negativeCurvature' | 'notFinite',
    ) => {
      collectAll(lbfgs, stepsFrom(count + 10, count))
      const replaced = lbfgs.endRun(reason)
      await lbfgs.beginRun({ damping: 0 })
      return replaced
    }
    expect(await replacedBy(2, 'relativeProgress')).toBe(false)
    expect(await replacedBy(5, 'negativeCurvature')).toBe(false)
    expect(await replacedBy(5, 'notFinite')).toBe(false)
    expect(lbfgs.pairCount).toBe(3)
    expect(await replacedBy(5, 'relativeProgress')).toBe(true)
    expect(lbfgs.pairCount).toBe(5)
    lbfgs.dispose()
  })

  it('needs eight pairs by default, or all there is room for', async () => {
    for (const [pairs, needed] of [
      [32, 8],
      [4, 4],
    ]) {
      const lbfgs = lbfgsPreconditioner({ pairs })
      await lbfgs.beginRun({ damping: 0 })
      collectAll(lbfgs, stepsFrom(1, needed - 1))
      expect(lbfgs.endRun('relativeProgress')).toBe(false)
      await lbfgs.beginRun({ damping: 0 })
      collectAll(lbfgs, stepsFrom(1, needed))
      expect(lbfgs.endRun('relativeProgress')).toBe(true)
      lbfgs.dispose()
    }
  })

  it.each([
    ['last', [7, 8, 9, 10]],
    ['first', [1, 2, 3, 4]],
    ['uniform', [1, 5, 7, 9]],
  ] as const)('keeps the %s of the pairs when there are too many', async (selection, kept) => {
    const lbfgs = lbfgsPreconditioner({ pairs: 4, selection, initial: 'identity' })
    await lbfgs.beginRun({ damping: 0 })
    const steps = stepsFrom(20, 10)
    collectAll(lbfgs, steps)
    // Two tensors for each pair held and no more.
    expect(counts().liveBuffers - before.liveBuffers).toBe(8)
    lbfgs.endRun('relativeProgress')
    await lbfgs.beginRun({ damping: 0 })
    const expected = denseInverse(
      a,
      kept.map((iteration) => steps[iteration - 1]),
      range(5).map((i) => unit(5, i)),
    )
    closeTo(
      applyTo(lbfgs, unit(5, 0)),
      expected.map((row) => row[0]),
      1e-8,
    )
    lbfgs.dispose()
  })

  it('forgets between runs on request', async () => {
    const lbfgs = await withPairs(a, stepsFrom(1, 3), {})
    expect(() => lbfgs.forget()).toThrow(LifetimeError)
    lbfgs.endRun('relativeProgress')
    lbfgs.forget()
    await lbfgs.beginRun({ damping: 0 })
    expect(lbfgs.isIdentity).toBe(true)
    lbfgs.dispose()
  })

  it('frees everything when disposed of in the middle of a run', async () => {
    const lbfgs = await withPairs(a, stepsFrom(1, 3), {})
    collectAll(lbfgs, stepsFrom(9, 2))
    lbfgs.dispose()
    expect(counts()).toEqual(before)
    await expect(lbfgs.beginRun({ damping: 1 })).rejects.toThrow(LifetimeError)
  })

  it('fails aloud without a run, so that it cannot be left unconnected', () => {
    const lbfgs = lbfgsPreconditioner()
    expect(lbfgs.isIdentity).toBe(false)
    expect(() => applyTo(lbfgs, [1])).toThrow(LifetimeError)
    expect(() => lbfgs.collect(pairOf(a, [1, 0, 0, 0, 0], 1))).toThrow(LifetimeError)
    expect(lbfgs.endRun('relativeProgress')).toBe(false)
  })

  it('refuses options out of range', async () => {
    expect(() => lbfgsPreconditioner({ pairs: 0 })).toThrow(ArgumentError)
    expect(() => lbfgsPreconditioner({ pairs: 4, minimumPairs: 5 })).toThrow(ArgumentError)
    await expect(lbfgsPreconditioner().beginRun({ damping: -1 })).rejects.toThrow(ArgumentError)
  })
})
