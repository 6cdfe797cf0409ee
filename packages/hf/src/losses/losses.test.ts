// Oracles: plain loops for values; central differences (through the public checkers) for gradients and Hessians.
import { checkGaussNewton, floats, indices } from '@hessian-free/autodiff/testing'
import { DtypeError, ShapeError, createReferenceBackend, hostArray, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { logisticCrossEntropy } from './logisticCrossEntropy.ts'
import type { Loss } from './loss.ts'
import { softmaxCrossEntropy } from './softmaxCrossEntropy.ts'
import { squaredError } from './squaredError.ts'

const backend = createReferenceBackend()
const of = (values: readonly number[], shape: readonly number[]): Tensor =>
  tensor(hostArray(Float64Array.from(values), shape), { backend })
const classes = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(hostArray(Int32Array.from(values), shape), { backend })
const close = (values: readonly number[], digits = 10): unknown[] =>
  values.map((value): unknown => expect.closeTo(value, digits))

const z = [0.3, -1.2, 2.5, 0.7, 0.1, -0.4]
const t = [1, 0, 0.5, 0.2, 1, 0]

describe('values per case', () => {
  it('of the squared error are c Σ (z − t)²', () => {
    const rows = [0, 3].map((start) =>
      [0, 1, 2].reduce((sum, j) => sum + (z[start + j] - t[start + j]) ** 2, 0),
    )
    expect([
      ...squaredError()
        .perCase(of(z, [2, 3]), of(t, [2, 3]))
        .readSync(),
    ]).toEqual(close(rows.map((row) => row / 2)))
    expect([
      ...squaredError({ scale: 1 })
        .perCase(of(z, [2, 3]), of(t, [2, 3]))
        .readSync(),
    ]).toEqual(close(rows))
  })

  it('of logistic cross-entropy are −Σ t log p + (1 − t) log(1 − p)', () => {
    const term = (x: number, y: number): number => {
      const p = 1 / (1 + Math.exp(-x))
      return -(y * Math.log(p) + (1 - y) * Math.log(1 - p))
    }
    const rows = [0, 3].map((start) =>
      [0, 1, 2].reduce((sum, j) => sum + term(z[start + j], t[start + j]), 0),
    )
    expect([
      ...logisticCrossEntropy()
        .perCase(of(z, [2, 3]), of(t, [2, 3]))
        .readSync(),
    ]).toEqual(close(rows))
  })

  it('of softmax cross-entropy are −log p of the class, alike for indices and rows', () => {
    const row = (start: number, label: number): number => {
      const weights = z.slice(start, start + 3).map(Math.exp)
      return -Math.log(weights[label] / weights.reduce((a, b) => a + b))
    }
    const wanted = [row(0, 2), row(3, 0)]
    expect([
      ...softmaxCrossEntropy()
        .perCase(of(z, [2, 3]), classes([2, 0]))
        .readSync(),
    ]).toEqual(close(wanted))
    const rows = of([0, 0, 1, 1, 0, 0], [2, 3])
    expect([
      ...softmaxCrossEntropy()
        .perCase(of(z, [2, 3]), rows)
        .readSync(),
    ]).toEqual(close(wanted))
  })

  it('of sequences are summed over time', () => {
    const sequence = softmaxCrossEntropy()
      .perCase(of(z, [1, 2, 3]), classes([2, 0], [1, 2]))
      .itemSync()
    const steps = softmaxCrossEntropy()
      .perCase(of(z, [2, 3]), classes([2, 0]))
      .readSync()
    expect(sequence).toBeCloseTo(steps[0] + steps[1], 12)
  })

  it('stay finite for logits of ten thousand', () => {
    const extreme = of([1e4, -1e4], [1, 2])
    expect(
      logisticCrossEntropy()
        .perCase(extreme, of([0, 1], [1, 2]))
        .itemSync(),
    ).toBe(2e4)
    expect(
      softmaxCrossEntropy()
        .perCase(extreme, classes([1]))
        .itemSync(),
    ).toBe(2e4)
    expect([
      ...softmaxCrossEntropy()
        .hessianProduct(extreme, classes([1]), of([1, 2], [1, 2]))
        .readSync(),
    ]).toEqual([0, 0])
  })
})

describe('Hessian products', () => {
  const asOutputLoss = (loss: Loss) => ({
    value: (outputs: Tensor, targets: Tensor) => loss.perCase(outputs, targets).sum(),
    hessianProduct: (outputs: Tensor, targets: Tensor, u: Tensor) => loss.hessianProduct(outputs, targets, u),
  })
  const linear = (p: { w: Tensor }, x: Tensor): Tensor => x.dot(p.w)
  const point = { parameters: { w: floats([2, 3]) }, inputs: floats([4, 2]) }
  const unit = floats([4, 3], { minimum: 0, maximum: 1 })

  it.each([
    ['squared error', squaredError(), unit],
    ['logistic cross-entropy', logisticCrossEntropy(), unit],
    ['softmax cross-entropy with soft targets', softmaxCrossEntropy(), unit],
    ['softmax cross-entropy with classes', softmaxCrossEntropy(), indices([4], 3)],
  ])('of %s are those of the loss, symmetric and semi-definite', (_, loss, targets) =>
    checkGaussNewton(linear, asOutputLoss(loss), { ...point, targets }, { runs: 20 }),
  )

  it('of softmax for one case have rank C − 1: all directions but the constant one have curvature', () => {
    const loss = softmaxCrossEntropy()
    const product = (u: readonly number[]): number[] => [
      ...loss.hessianProduct(of(z.slice(0, 3), [1, 3]), classes([0]), of(u, [1, 3])).readSync(),
    ]
    const [first, second] = [product([1, -1, 0]), product([0, 1, -1])]
    expect(Math.abs(first[0] * second[1] - first[1] * second[0])).toBeGreaterThan(1e-3)
    expect(product([1, 1, 1])).toEqual(close([0, 0, 0]))
  })
})

describe('metrics and errors', () => {
  it('counts wrong classes, and squares reconstruction errors after squashing', () => {
    expect([
      ...softmaxCrossEntropy()
        .metric.perCase(of(z, [2, 3]), classes([2, 1]))
        .readSync(),
    ]).toEqual([0, 1])
    const [p, q] = [1 / (1 + Math.exp(-0.3)), 1 / (1 + Math.exp(1.2))]
    expect(
      logisticCrossEntropy()
        .metric.perCase(of([0.3, -1.2], [1, 2]), of([1, 0], [1, 2]))
        .itemSync(),
    ).toBeCloseTo((p - 1) ** 2 + q ** 2, 12)
  })

  it('refuses targets that do not fit, naming both shapes', () => {
    expect(() => squaredError().perCase(of(z, [2, 3]), of(z, [3, 2]))).toThrow(ShapeError)
    expect(() => logisticCrossEntropy().perCase(of(z, [2, 3]), of(z, [6]))).toThrow(/\[2,3\].*\[6\]/)
    expect(() => softmaxCrossEntropy().perCase(of(z, [2, 3]), classes([1, 2, 0]))).toThrow(ShapeError)
    const words = tensor(hostArray(new Uint32Array(2), [2]), { backend })
    expect(() => softmaxCrossEntropy().perCase(of(z, [2, 3]), words)).toThrow(DtypeError)
  })
})
