// Oracle: the explicit matrix Σ w_i J_iᵀ H_i J_i + (w + λ) I, with J and H from plain loops in float64.
import { createReferenceBackend, createWasmBackend, hostArray, tensor } from '@hessian-free/tensor'
import type { Backend, HostArray, Tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { createCurvature } from './curvature.ts'
import { allCases, prepareSample, uploadDataset } from './dataset.ts'
import { logisticCrossEntropy } from './losses/logisticCrossEntropy.ts'
import type { Loss } from './losses/loss.ts'
import { softmaxCrossEntropy } from './losses/softmaxCrossEntropy.ts'
import { squaredError } from './losses/squaredError.ts'
import { flattenParameters, parameterLayout } from './parameterLayout.ts'
import { placed, plainJacobian, plainLayers, plainOutputs } from './testing/plainNetwork.ts'
import { smallLayers, tanhNetwork, uniformArray } from './testing/smallProblem.ts'
import type { FloatDtype } from './testing/smallProblem.ts'

const cases = 7
const weightDecay = 0.02
const widths = [3, 5, 4, 3]
const labels = hostArray(
  Int32Array.from({ length: cases }, (_, i) => i % 3),
  [cases],
)
const unitTargets = (dtype: FloatDtype): HostArray => {
  const array = uniformArray(2, [cases, 3], dtype)
  array.data.forEach((value: number, i: number) => (array.data[i] = 0.5 * (value + 1)))
  return array
}

/** The output Hessian of one case, written out. */
type PlainHessian = (z: readonly number[], t: readonly number[]) => number[][]
const diagonal = (values: readonly number[]): number[][] =>
  values.map((value, i) => values.map((_, j) => (i === j ? value : 0)))
const softmaxHessian = (z: readonly number[], mass: number): number[][] => {
  const weights = z.map(Math.exp)
  const p = weights.map((weight) => weight / weights.reduce((a, b) => a + b))
  return p.map((a, i) => p.map((b, j) => mass * ((i === j ? a : 0) - a * b)))
}

const problems: readonly [string, Loss, PlainHessian, boolean][] = [
  ['squared error', squaredError({ scale: 1 }), (z) => diagonal(z.map(() => 2)), false],
  [
    'logistic cross-entropy',
    logisticCrossEntropy(),
    (z) => diagonal(z.map((x) => 1 / (1 + Math.exp(-x)) / (1 + Math.exp(x)))),
    false,
  ],
  ['softmax with classes', softmaxCrossEntropy(), (z) => softmaxHessian(z, 1), true],
  [
    'softmax with rows of weights',
    softmaxCrossEntropy(),
    (z, t) =>
      softmaxHessian(
        z,
        t.reduce((a, b) => a + b),
      ),
    false,
  ],
]

function setUp(backend: Backend, loss: Loss, classes: boolean, dtype: FloatDtype = 'float64') {
  const layers = smallLayers(backend, widths, dtype)
  const layout = parameterLayout(layers)
  const [inputs, targets] = [uniformArray(1, [cases, 3], dtype), classes ? labels : unitTargets(dtype)]
  const data = uploadDataset({ inputs, targets }, backend)
  const problem = { model: tanhNetwork, loss, weightDecay }
  const sampleOf = (length: number) => prepareSample(data, allCases(data), length, dtype)
  const vector = (values: ArrayLike<number>): Tensor =>
    tensor(
      hostArray(dtype === 'float64' ? Float64Array.from(values) : Float32Array.from(values), [values.length]),
      { backend },
    )
  return {
    layers,
    layout,
    inputs,
    targets,
    problem,
    sampleOf,
    vector,
    theta: flattenParameters(layout, layers),
  }
}

/** Σ w_i J_iᵀ H_i J_i v + (w + λ) v, without forming anything by the engine. */
function explicitProduct(
  { layers, layout, inputs, targets, theta }: ReturnType<typeof setUp>,
  hessian: PlainHessian,
): (v: ArrayLike<number>, damping: number) => Float64Array {
  const plain = plainLayers(layers)
  const perCase = Array.from({ length: cases }, (_, i) => {
    const x = [...inputs.data.slice(3 * i, 3 * i + 3)]
    const t = [...targets.data.slice(3 * i, 3 * i + 3)]
    const jacobian = plainJacobian(plain, x).map((slopes) => placed(layout, theta, slopes))
    return { jacobian, h: hessian(plainOutputs(plain, x), t) }
  })
  return (v, damping) => {
    const product = Float64Array.from(v, (value) => (weightDecay + damping) * value)
    for (const { jacobian, h } of perCase) {
      const jv = jacobian.map((row) => row.reduce((sum, slope, j) => sum + slope * v[j], 0))
      jacobian.forEach((row, k) => {
        const hjv = h[k].reduce((sum, entry, l) => sum + entry * jv[l], 0)
        row.forEach((slope, j) => (product[j] += (slope * hjv) / cases))
      })
    }
    return product
  }
}

/** Random numbers where parameters are, zeros in the gaps. */
const direction = ({ layout }: ReturnType<typeof setUp>, seed: number): Float64Array => {
  const values = uniformArray(seed, [layout.size]).data as Float64Array
  const used = new Set(layout.segments.flatMap(({ offset, size }) => range(offset, offset + size)))
  return values.map((value, i) => (used.has(i) ? value : 0))
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const inner = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  range(0, a.length).reduce((sum, i) => sum + a[i] * b[i], 0)
const norm = (a: ArrayLike<number>): number => Math.sqrt(inner(a, a))
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Float64Array.from(a, (value, i) => value - b[i]))

for (const optimise of [false, true]) {
  const backend = createReferenceBackend({ optimise })
  describe.each(problems)(`the curvature operator on ${backend.name}, %s,`, (_, loss, hessian, classes) => {
    const setting = setUp(backend, loss, classes)
    const explicit = explicitProduct(setting, hessian)
    const { problem, layout, theta, sampleOf, vector } = setting

    it('is the explicit matrix for chunks of any length', () => {
      for (const length of [1, 3, 7, 11]) {
        using operator = createCurvature(problem, layout).linearize(theta, sampleOf(length))
        for (const [seed, damping] of [
          [1, 0],
          [2, 0.7],
        ]) {
          const v = direction(setting, seed)
          const wanted = explicit(v, damping)
          const found = operator.apply(vector(v), damping).readSync()
          expect(distance(found, wanted) / norm(wanted)).toBeLessThan(1e-10)
        }
      }
    })

    it('is linear, symmetric and semi-definite, and keeps the gaps at exactly zero', () => {
      using operator = createCurvature(problem, layout).linearize(theta, sampleOf(3))
      const apply = (v: Float64Array): Float64Array => operator.apply(vector(v), 0).readSync() as Float64Array
      const somewhere = direction(setting, 1)
      const gaps = range(0, layout.size).filter((i) => somewhere[i] === 0)
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 1e6 }),
          fc.double({ min: -3, max: 3, noNaN: true }),
          (seed, a) => {
            const [u, v] = [direction(setting, seed), direction(setting, seed + 1)]
            const [au, av] = [apply(u), apply(v)]
            const sum = apply(u.map((value, i) => a * value + v[i]))
            const scale = norm(au) * Math.abs(a) + norm(av)
            expect(
              distance(
                sum,
                au.map((value, i) => a * value + av[i]),
              ) / scale,
            ).toBeLessThan(1e-12)
            expect(Math.abs(inner(u, av) - inner(v, au))).toBeLessThan(1e-12 * norm(u) * norm(av))
            expect(inner(u, au)).toBeGreaterThanOrEqual(weightDecay * inner(u, u) * (1 - 1e-12))
            expect(gaps.length).toBe(layout.size - layout.parameterCount)
            expect(gaps.every((i) => au[i] === 0)).toBe(true)
          },
        ),
        { numRuns: 10 },
      )
    })
  })
}

describe('the cost of products', () => {
  const backend = createReferenceBackend({ optimise: true })
  const setting = setUp(backend, logisticCrossEntropy(), false)
  const { problem, layout, theta, sampleOf } = setting

  it('is at most four matrix products per dense layer and chunk, and exactly two in the first layer', () => {
    using operator = createCurvature(problem, layout).linearize(theta, sampleOf(3))
    const { matrixProducts } = operator.executableFor(theta).summary
    expect(matrixProducts).toBe(4 * 3 - 2)
  })

  it('holds no compilation after the first, whatever the damping, the chunk and the point', () => {
    const curvature = createCurvature(problem, layout)
    const sample = sampleOf(3)
    using operator = curvature.linearize(theta, sample)
    operator.apply(theta, 0.5).dispose()
    const compile = vi.spyOn(backend, 'compile')
    try {
      for (const damping of [0, 0.25, 45]) operator.apply(theta, damping).dispose()
      using elsewhere = setting.vector(direction(setting, 5))
      using next = curvature.linearize(elsewhere, sample)
      next.apply(theta, 1).dispose()
      expect(compile).not.toHaveBeenCalled()
    } finally {
      compile.mockRestore()
    }
  })
})

describe('the memory of products on wasm', () => {
  it('holds no copy of the parameters per chunk', () => {
    const backend = createWasmBackend()
    const wide = smallLayers(backend, [40, 300, 40], 'float32')
    const layout = parameterLayout(wide)
    const theta = flattenParameters(layout, wide)
    const data = uploadDataset({ inputs: uniformArray(1, [8, 40], 'float32') }, backend)
    const sample = prepareSample(data, allCases(data), 1, 'float32')
    const curvature = createCurvature({ model: tanhNetwork, loss: squaredError() }, layout)
    curvature.linearize(theta, sample).dispose()
    const before = backend.memory().liveBytes
    using operator = curvature.linearize(theta, sample)
    const held = backend.memory().liveBytes - before
    // Per case: its inputs, 300 activations or slopes or both, at most 40 outputs; nothing near 4 × 24,340 bytes.
    expect(held).toBeGreaterThan(8 * 4 * 300)
    expect(held).toBeLessThan(8 * 4 * (40 + 3 * 300 + 2 * 40 + 64))
    expect(operator.cases).toBe(8)
    operator.dispose()
    expect(backend.memory().liveBytes).toBe(before)
  })

  it('is what it was after a thousand products at changing damping, and their values are those of float64', () => {
    const backend = createWasmBackend()
    const setting = setUp(backend, softmaxCrossEntropy(), true, 'float32')
    const { problem, layout, theta, sampleOf, vector } = setting
    const curvature = createCurvature(problem, layout)
    const sample = sampleOf(3)
    using operator = curvature.linearize(theta, sample)
    const direct = direction(setting, 1)
    using v = vector(direct)
    operator.apply(v, 1).dispose()
    const before = backend.memory()
    for (let i = 0; i < 1000; i++) operator.apply(v, 1 + i).dispose()
    expect(backend.memory()).toEqual(before)
    const wanted = explicitProduct(setting, problems[2][2])(direct, 0.5)
    const found = operator.apply(v, 0.5).readSync()
    expect(distance(found, wanted) / norm(wanted)).toBeLessThan(20 * backend.tolerance('float32'))
    // Alive to here, so that no finaliser can disturb the count above.
    sample.dispose()
  })
})
