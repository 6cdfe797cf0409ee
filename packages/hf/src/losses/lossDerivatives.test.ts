// Oracles: gradients and output Hessians in closed form, written out in plain numbers; ranks by elimination.
import { grad, jvp } from '@hessian-free/autodiff'
import { createReferenceBackend, createWasmBackend, hostArray, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { uniformArray } from '../testing/smallProblem.ts'
import { logisticCrossEntropy } from './logisticCrossEntropy.ts'
import type { Loss } from './loss.ts'
import { softmaxCrossEntropy } from './softmaxCrossEntropy.ts'
import { squaredDistance, squaredError } from './squaredError.ts'

const reference = createReferenceBackend()
const of = (values: readonly number[], shape: readonly number[], backend: Backend = reference): Tensor =>
  tensor(values.slice(), { dtype: backend.supports('float64') ? 'float64' : 'float32', backend }).reshape(
    shape,
  )
const classes = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(hostArray(Int32Array.from(values), shape), { backend: reference })

const softmaxOf = (z: readonly number[]): number[] => {
  const largest = Math.max(...z)
  const weights = z.map((x) => Math.exp(x - largest))
  return weights.map((weight) => weight / weights.reduce((a, b) => a + b))
}
const sigmoidOf = (x: number): number => 1 / (1 + Math.exp(-x))
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** One row of outputs: slope and Hessian in closed form. */
interface ClosedForm {
  readonly slope: (z: readonly number[], t: readonly number[]) => number[]
  readonly hessian: (z: readonly number[], t: readonly number[]) => number[][]
}
const diagonal = (values: readonly number[]): number[][] =>
  values.map((value, i) => values.map((_, j) => (i === j ? value : 0)))
const closedForms: readonly [string, Loss, ClosedForm][] = [
  [
    'squared error',
    squaredError(),
    { slope: (z, t) => z.map((x, j) => x - t[j]), hessian: (z) => diagonal(z.map(() => 1)) },
  ],
  [
    'squared error without the half',
    squaredError({ scale: 1 }),
    { slope: (z, t) => z.map((x, j) => 2 * (x - t[j])), hessian: (z) => diagonal(z.map(() => 2)) },
  ],
  [
    'logistic cross-entropy',
    logisticCrossEntropy(),
    {
      slope: (z, t) => z.map((x, j) => sigmoidOf(x) - t[j]),
      hessian: (z) => diagonal(z.map((x) => sigmoidOf(x) * sigmoidOf(-x))),
    },
  ],
  [
    'softmax cross-entropy',
    softmaxCrossEntropy(),
    {
      slope: (z, t) => softmaxOf(z).map((p, j) => total(t) * p - t[j]),
      hessian: (z, t) => {
        const p = softmaxOf(z)
        return p.map((a, i) => p.map((b, j) => total(t) * ((i === j ? a : 0) - a * b)))
      },
    },
  ],
]

const row = fc.array(fc.double({ min: -6, max: 6, noNaN: true }), { minLength: 4, maxLength: 4 })
const weightsRow = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
const rows = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: 3, maxLength: 3 })

/** The Hessian of every case, column by column through `hessianProduct`. */
const hessiansOf = (loss: Loss, z: Tensor, t: Tensor): number[][][] => {
  const width = z.shape[z.rank - 1]
  const count = z.size / width
  const matrices = Array.from({ length: count }, () => Array.from({ length: width }, () => [] as number[]))
  for (let column = 0; column < width; column++) {
    const unit = Array.from({ length: z.size }, (_, i) => Number(i % width === column))
    const product = loss.hessianProduct(z, t, of(unit, z.shape)).readSync()
    product.forEach((value: number, i: number) => matrices[Math.floor(i / width)][i % width].push(value))
  }
  return matrices
}

/** Rank by Gaussian elimination with full pivoting. */
function rankOf(matrix: readonly (readonly number[])[], tolerance: number): number {
  const a = matrix.map((r) => [...r])
  for (let rank = 0; rank < a.length; rank++) {
    let [best, at] = [0, [rank, rank]]
    for (let i = rank; i < a.length; i++) {
      for (let j = rank; j < a.length; j++) {
        if (Math.abs(a[i][j]) > best) [best, at] = [Math.abs(a[i][j]), [i, j]]
      }
    }
    if (best <= tolerance) return rank
    ;[a[rank], a[at[0]]] = [a[at[0]], a[rank]]
    for (const r of a) [r[rank], r[at[1]]] = [r[at[1]], r[rank]]
    for (let i = rank + 1; i < a.length; i++) {
      const factor = a[i][rank] / a[rank][rank]
      for (let j = rank; j < a.length; j++) a[i][j] -= factor * a[rank][j]
    }
  }
  return a.length
}

describe.each(closedForms)('%s', (_, loss, { slope: closedSlope, hessian }) => {
  it('has the gradient and the Hessian of the closed form for any outputs and targets', () => {
    fc.assert(
      fc.property(rows(row), rows(weightsRow), (z, t) => {
        const [outputs, targets] = [of(z.flat(), [3, 4]), of(t.flat(), [3, 4])]
        const gradient = grad((x: Tensor) => loss.perCase(x, targets).sum())(outputs)
        const wanted = z.flatMap((values, i) => closedSlope(values, t[i]))
        gradient.readSync().forEach((value: number, i: number) => expect(value).toBeCloseTo(wanted[i], 11))
        hessiansOf(loss, outputs, targets).forEach((matrix, i) => {
          const exact = hessian(z[i], t[i])
          matrix.forEach((values, a) => {
            values.forEach((value, b) => expect(value).toBeCloseTo(exact[a][b], 11))
          })
        })
      }),
      { numRuns: 25 },
    )
  })

  it('has a Hessian product that is the derivative of its gradient, semi-definite, also over time', () => {
    fc.assert(
      fc.property(rows(row), rows(weightsRow), rows(row), (z, t, u) => {
        const shape = [1, 3, 4]
        const [outputs, targets, direction] = [of(z.flat(), shape), of(t.flat(), shape), of(u.flat(), shape)]
        const slope = grad((x: Tensor) => loss.perCase(x, targets).sum())
        const { tangent } = jvp(slope)(outputs, direction)
        const product = [...loss.hessianProduct(outputs, targets, direction).readSync()]
        tangent.readSync().forEach((value: number, i: number) => expect(product[i]).toBeCloseTo(value, 11))
        expect(total(product.map((value, i) => value * u.flat()[i]))).toBeGreaterThan(-1e-12)
      }),
      { numRuns: 25 },
    )
  })

  it('sums a sequence over time, as [cases, time, outputs] and as separate cases', () => {
    const [z, t] = [uniformArray(1, [2, 3, 4]), uniformArray(2, [2, 3, 4])]
    const [values, wanted] = [[...z.data], [...t.data].map((x) => (x + 1) / 2)]
    const sequences = [...loss.perCase(of(values, [2, 3, 4]), of(wanted, [2, 3, 4])).readSync()]
    const steps = [...loss.perCase(of(values, [6, 4]), of(wanted, [6, 4])).readSync()]
    expect(sequences).toHaveLength(2)
    expect(sequences[0]).toBeCloseTo(total(steps.slice(0, 3)), 12)
    expect(sequences[1]).toBeCloseTo(total(steps.slice(3)), 12)
  })

  it('stays finite in value, gradient and curvature for logits of ten thousand', () => {
    const extreme = of([1e4, -1e4, 1e4, 0, -1e4, -1e4, -1e4, 1e4], [2, 4])
    const targets = of([0, 1, 1, 0, 1, 0, 0, 0], [2, 4])
    const gradient = grad((x: Tensor) => loss.perCase(x, targets).sum())(extreme)
    const ones = of(new Array<number>(8).fill(1), [2, 4])
    for (const result of [
      loss.perCase(extreme, targets),
      gradient,
      loss.hessianProduct(extreme, targets, ones),
      loss.metric.perCase(extreme, targets),
    ]) {
      expect([...result.readSync()].every(Number.isFinite)).toBe(true)
    }
  })

  it('is the same on wasm in float32', () => {
    const wasm = createWasmBackend()
    const [z, t, u] = [1, 2, 3].map((seed) => [...uniformArray(seed, [5, 4]).data])
    const unit = t.map((x) => (x + 1) / 2)
    const on = (backend: Backend): number[] => {
      const [outputs, targets, direction] = [z, unit, u].map((values) => of(values, [5, 4], backend))
      return [loss.perCase(outputs, targets), loss.hessianProduct(outputs, targets, direction)].flatMap(
        (result): number[] => [...result.readSync()],
      )
    }
    const exact = on(reference)
    const largest = Math.max(...exact.map(Math.abs))
    on(wasm).forEach((value, i) =>
      expect(Math.abs(value - exact[i])).toBeLessThan(10 * wasm.tolerance('float32') * largest),
    )
  })
})

describe('softmax cross-entropy', () => {
  const loss = softmaxCrossEntropy()

  it('has a Hessian of rank C − 1 for one case, not the rank one of a split after the softmax', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2, maxLength: 7 }),
        (z) => {
          const [matrix] = hessiansOf(loss, of(z, [1, z.length]), classes([0]))
          expect(rankOf(matrix, 1e-10)).toBe(z.length - 1)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('takes class indices for rows of 0 and 1 in value, gradient, Hessian and metric, also over time', () => {
    const labels = [2, 0, 3, 1, 1, 0]
    const oneHot = labels.flatMap((label) => [0, 1, 2, 3].map((j) => Number(j === label)))
    const z = [...uniformArray(4, [24]).data].map((x) => 3 * x)
    const u = [...uniformArray(5, [24]).data]
    for (const shape of [[6], [2, 3]]) {
      const wide = [...shape, 4]
      const [outputs, direction] = [of(z, wide), of(u, wide)]
      const [indexed, rowed] = [classes(labels, shape), of(oneHot, wide)].map((targets) => [
        ...loss.perCase(outputs, targets).readSync(),
        ...grad((x: Tensor) => loss.perCase(x, targets).sum())(outputs).readSync(),
        ...loss.hessianProduct(outputs, targets, direction).readSync(),
        ...loss.metric.perCase(outputs, targets).readSync(),
      ])
      indexed.forEach((value, i) => expect(value).toBeCloseTo(rowed[i], 13))
    }
  })

  it('gives a case with an index outside the classes neither loss nor slope nor curvature', () => {
    const [outputs, direction] = [of([1, 2, 3, 3, 1, 2], [2, 3]), of([1, -1, 2, 1, -1, 2], [2, 3])]
    for (const outside of [-1, 3]) {
      const targets = classes([1, outside])
      expect(loss.perCase(outputs, targets).readSync()[1]).toBe(0)
      const slope = grad((x: Tensor) => loss.perCase(x, targets).sum())(outputs).readSync()
      expect([...slope.slice(3)].map(Math.abs)).toEqual([0, 0, 0])
      const product = loss.hessianProduct(outputs, targets, direction).readSync()
      expect([...product.slice(3)].map(Math.abs)).toEqual([0, 0, 0])
      expect(Math.abs(product[0])).toBeGreaterThan(0.01)
    }
  })

  it('counts errors of a sequence as a share of its steps', () => {
    const outputs = of([2, 1, 0, 3, 5, 4, 1, 9], [1, 4, 2])
    expect(loss.metric.perCase(outputs, classes([0, 0, 0, 0], [1, 4])).itemSync()).toBe(0.5)
    expect(loss.metric.perCase(outputs, of([1, 0, 0, 1, 1, 0, 0, 1], [1, 4, 2])).itemSync()).toBe(0)
  })
})

it('the metric of the squared error is the sum of squares, whatever the scale of the loss', () => {
  for (const metric of [squaredDistance, squaredError().metric, squaredError({ scale: 3 }).metric]) {
    expect([...metric.perCase(of([1, 2, 3, 4], [2, 2]), of([0, 0, 1, 1], [2, 2])).readSync()]).toEqual([
      5, 13,
    ])
  }
})
