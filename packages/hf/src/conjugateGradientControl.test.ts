// How runs end other than well, and how they are watched and stopped. Oracles: the same run undisturbed; counts.
import { ArgumentError, ShapeError, createReferenceBackend, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from './conjugateGradient.ts'
import type { ConjugateGradientOptions, ConjugateGradientResult } from './conjugateGradient.ts'
import type { LinearOperator } from './conjugateGradientRun.ts'
import type { CurvaturePair } from './curvaturePair.ts'
import { residualReduction } from './stopRules/residualReduction.ts'
import type { StopReason } from './stopRules/stopRule.ts'
import type { Matrix } from './testing/linearSystems.ts'
import {
  diagonalMatrix,
  hostOperator,
  matrixOperator,
  matrixVector,
  normals,
  randomSpd,
  randomVector,
  range,
  values,
  vector,
} from './testing/linearSystems.ts'
import { solveWithoutLeak } from './testing/solveWithoutLeak.ts'

const backend = createReferenceBackend()
const counts = () => {
  const { liveBuffers, liveBytes } = backend.memory()
  return { liveBuffers, liveBytes }
}

const solving = <T>(
  operator: LinearOperator,
  b: ArrayLike<number>,
  options: ConjugateGradientOptions,
  body: (result: ConjugateGradientResult) => T,
): Promise<T> => solveWithoutLeak(backend, operator, b, options, body)

describe('breakdown', () => {
  const brokenAt = (iteration: number, a: Matrix, value: number): LinearOperator => {
    let products = 0
    return hostOperator((v) =>
      ++products === iteration ? range(v.length).map(() => value) : matrixVector(a, v),
    )
  }

  it.each([NaN, Infinity])('keeps the last finite iterate when a product turns %d', async (value) => {
    const a = randomSpd(10, 5)
    const b = randomVector(10, normals(5))
    const reports: number[] = []
    const three = await solving(matrixOperator(a), b, { maximumIterations: 3, stop: [] }, (r) =>
      values(r.solution),
    )
    const options = { onIteration: ({ iteration }: { iteration: number }) => reports.push(iteration) }
    await solving(brokenAt(4, a, value), b, options, (result) => {
      expect(result).toMatchObject({ stopReason: 'notFinite', iterations: 3, products: 4 })
      expect(values(result.solution)).toEqual(three)
      expect(result.history).toHaveLength(4)
      expect(result.history[3].phi).toBe(result.history[2].phi)
      expect(reports).toEqual([1, 2, 3, 4])
    })
  })

  it('does not start from a right-hand side that is not finite', async () => {
    await solving(matrixOperator(diagonalMatrix([1, 1])), [1, NaN], {}, (result) => {
      expect(result).toMatchObject({ stopReason: 'notFinite', iterations: 0, products: 0 })
      expect(values(result.solution)).toEqual([0, 0])
    })
  })

  it('tells a preconditioner that is not positive definite', async () => {
    const a = randomSpd(6, 2, 1)
    const preconditioner = { name: 'negative', apply: hostOperator((r) => range(r.length).map((i) => -r[i])) }
    await solving(matrixOperator(a), [1, 2, 3, 4, 5, 6], { preconditioner }, (result) => {
      expect(result).toMatchObject({ stopReason: 'indefinitePreconditioner', iterations: 0 })
    })
  })

  it('gives the warm start back if the first direction has negative curvature', async () => {
    using initial = vector([0.1, 0], backend)
    await solving(matrixOperator(diagonalMatrix([-1, -1])), [1, 1], { initial }, (result) => {
      expect(result).toMatchObject({ stopReason: 'negativeCurvature', iterations: 0 })
      expect(result.iterates).toMatchObject([{ iteration: 0, norm: 0.1 }])
      expect(values(result.solution)).toEqual([0.1, 0])
    })
  })
})

describe('running ahead of the host', () => {
  const a = randomSpd(40, 11)
  const b = randomVector(40, normals(11))
  const outcome = (readLag: number, options: ConjugateGradientOptions) =>
    solving(matrixOperator(a), b, { readLag, ...options }, (result) => ({
      stopReason: result.stopReason,
      history: result.history,
      iterates: result.iterates.map(({ iteration, iterate }) => ({ iteration, x: values(iterate) })),
    }))

  it.each<{ reason: StopReason; options: ConjugateGradientOptions }>([
    { reason: 'relativeProgress', options: {} },
    { reason: 'residual', options: { stop: [residualReduction({ relative: 1e-3 })] } },
    { reason: 'maximumIterations', options: { maximumIterations: 13 } },
  ])('changes no number of a run that ends with $reason', async ({ reason, options }) => {
    const inStep = await outcome(0, options)
    expect(inStep.stopReason).toBe(reason)
    for (const readLag of [1, 2, 5, 20]) expect(await outcome(readLag, options)).toEqual(inStep)
  })

  it('does not enqueue products beyond the limit', async () => {
    const options = { readLag: 5, maximumIterations: 7, stop: [] }
    await solving(matrixOperator(a), b, options, ({ products }) => {
      expect(products).toBe(7)
    })
  })

  it('hands out only pairs of iterations that count', async () => {
    const iterations: number[] = []
    const onPair = ({ iteration, s, y }: CurvaturePair): void => {
      iterations.push(iteration)
      s.dispose()
      y.dispose()
    }
    await solving(matrixOperator(a), b, { readLag: 4, onPair }, (result) => {
      expect(iterations).toEqual(range(result.iterations).map((i) => i + 1))
    })
  })
})

describe('control', () => {
  const a = randomSpd(20, 9)
  const b = randomVector(20, normals(9))

  it('looks at the abort signal before every iteration', async () => {
    const controller = new AbortController()
    const onIteration = ({ iteration }: { iteration: number }): void => {
      if (iteration === 4) controller.abort()
    }
    await solving(matrixOperator(a), b, { signal: controller.signal, onIteration, stop: [] }, (result) => {
      expect(result).toMatchObject({ stopReason: 'aborted', iterations: 4, products: 4 })
    })
    await solving(matrixOperator(a), b, { signal: AbortSignal.abort() }, (result) => {
      expect(result).toMatchObject({ stopReason: 'aborted', iterations: 0, products: 0 })
    })
  })

  it('lets timers run during a long solve, so that it can be interrupted', async () => {
    const controller = new AbortController()
    const slow = hostOperator((v) => {
      const until = performance.now() + 10
      while (performance.now() < until);
      return matrixVector(a, v)
    })
    setTimeout(() => controller.abort(), 20)
    await solving(slow, b, { signal: controller.signal, stop: [], maximumIterations: 200 }, (result) => {
      expect(result.stopReason).toBe('aborted')
      expect(result.iterations).toBeLessThan(60)
    })
  })

  it('asks rules only from the minimum number of iterations on', async () => {
    const always = { name: 'always', reason: 'custom', shouldStop: () => true } as const
    await solving(matrixOperator(a), b, { stop: [always], minimumIterations: 6 }, (result) => {
      expect(result).toMatchObject({ stopReason: 'custom', iterations: 6 })
    })
  })

  it('leaks nothing when a product, a preconditioner or a callback throws', async () => {
    using rightHandSide = vector(b, backend)
    const before = counts()
    const failing = (v: Tensor, at: number, count: { calls: number }): Tensor => {
      if (++count.calls === at) throw new Error('out of luck')
      return matrixOperator(a)(v)
    }
    for (const at of [1, 4]) {
      for (const readLag of [0, 3]) {
        const [products, solves] = [{ calls: 0 }, { calls: 0 }]
        const runs: [LinearOperator, ConjugateGradientOptions][] = [
          [(v) => failing(v, at, products), { readLag }],
          [
            matrixOperator(a),
            { readLag, preconditioner: { name: 'p', apply: (r) => failing(r, at, solves) } },
          ],
          [
            matrixOperator(a),
            {
              readLag,
              onIteration: ({ iteration }) => {
                if (iteration === at) throw new Error('out of luck')
              },
            },
          ],
        ]
        for (const [operator, options] of runs) {
          await expect(conjugateGradient(operator, rightHandSide, options)).rejects.toThrow('out of luck')
          expect(counts()).toEqual(before)
        }
      }
    }
  })

  it('refuses an operator or preconditioner that returns its argument', async () => {
    using rightHandSide = vector(b, backend)
    const same = (v: Tensor): Tensor => v
    await expect(conjugateGradient(same, rightHandSide)).rejects.toThrow(ArgumentError)
    const preconditioner = { name: 'same', apply: same }
    await expect(conjugateGradient(matrixOperator(a), rightHandSide, { preconditioner })).rejects.toThrow(
      ArgumentError,
    )
  })

  it('refuses a matrix for b, an initial vector unlike b, and limits that are no counts', async () => {
    using matrix = tensor([[1, 2]], { backend, dtype: 'float64' })
    using rightHandSide = vector(b, backend)
    using short = vector([1], backend)
    const operator = matrixOperator(a)
    await expect(conjugateGradient(operator, matrix)).rejects.toThrow(ShapeError)
    await expect(conjugateGradient(operator, rightHandSide, { initial: short })).rejects.toThrow(ShapeError)
    await expect(conjugateGradient(operator, rightHandSide, { maximumIterations: 0 })).rejects.toThrow(
      ArgumentError,
    )
    await expect(conjugateGradient(operator, rightHandSide, { readLag: -1 })).rejects.toThrow(ArgumentError)
  })

  it('frees all iterates but those it is told to leave', async () => {
    using rightHandSide = vector(b, backend)
    const before = counts()
    const result = await conjugateGradient(matrixOperator(a), rightHandSide)
    result.dispose([result.solution])
    expect(counts().liveBuffers).toBe(before.liveBuffers + 1)
    result.solution.dispose()
    expect(counts()).toEqual(before)
  })
})
