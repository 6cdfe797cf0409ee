// Oracles: the loss of the whole sample computed at once, central differences, and the explicit matrix JᵀHJ + (w + λ)I.
import {
  ArgumentError,
  NumericalError,
  ShapeError,
  createReferenceBackend,
  createWasmBackend,
  hostArray,
  tensor,
} from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { createCurvature } from './curvature.ts'
import { allCases, prepareSample, uploadDataset } from './dataset.ts'
import { logisticCrossEntropy } from './losses/logisticCrossEntropy.ts'
import { createObjective } from './objective.ts'
import { flattenParameters, parameterLayout, unflattenParameters } from './parameterLayout.ts'
import { createSquaredGradients } from './squaredGradients.ts'
import { smallLayers, tanhNetwork, uniformArray } from './testing/smallProblem.ts'
import type { FloatDtype } from './testing/smallProblem.ts'

const cases = 7
const problem = { model: tanhNetwork, loss: logisticCrossEntropy(), weightDecay: 0.01 }

/** Everything the tests need, on a backend. */
function setUp(backend: Backend, dtype: FloatDtype = 'float64') {
  const layers = smallLayers(backend, [3, 4, 2], dtype)
  const layout = parameterLayout(layers)
  const data = uploadDataset(
    { inputs: uniformArray(1, [cases, 3], dtype), targets: uniformArray(2, [cases, 2], dtype) },
    backend,
  )
  const vector = (values: ArrayLike<number>): Tensor =>
    tensor(
      hostArray(dtype === 'float64' ? Float64Array.from(values) : Float32Array.from(values), [values.length]),
      { backend },
    )
  const sampleOf = (length: number) => prepareSample(data, allCases(data), length, dtype)
  return { layers, layout, data, vector, sampleOf, theta: flattenParameters(layout, layers) }
}

/** Positions of the flat vector that hold parameters. */
const places = ({ segments }: ReturnType<typeof setUp>['layout']): number[] =>
  segments.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i))

describe('the flat vector', () => {
  const backend = createReferenceBackend()
  const { layers, layout, theta } = setUp(backend)

  it('starts every leaf at a multiple of 64 and holds zeros between', () => {
    expect(layout.segments.every(({ offset }) => offset % 64 === 0)).toBe(true)
    expect(layout.size % 64).toBe(0)
    expect(layout.parameterCount).toBe(3 * 4 + 4 + 4 * 2 + 2)
    const values = theta.readSync()
    const used = new Set(places(layout))
    expect(values.filter((_: number, i: number) => !used.has(i)).every((value: number) => value === 0)).toBe(
      true,
    )
  })

  it('gives the tree back', () => {
    const back = unflattenParameters(layout, theta)
    back.forEach(({ w, b }, i) => {
      expect([...w.readSync()]).toEqual([...layers[i].w.readSync()])
      expect([...b.readSync()]).toEqual([...layers[i].b.readSync()])
    })
  })

  it('is refused for an empty tree', () => {
    expect(() => parameterLayout([])).toThrow(ArgumentError)
  })
})

describe('data sets', () => {
  const backend = createReferenceBackend()

  it('name the case of a number that is not finite', () => {
    const inputs = uniformArray(1, [4, 3])
    inputs.data[7] = NaN
    expect(() => uploadDataset({ inputs }, backend)).toThrow(NumericalError)
    expect(() => uploadDataset({ inputs }, backend)).toThrow(/NaN in case 2, element 1/)
  })

  it('refuse unequal numbers of cases, no cases, and samples outside the data', () => {
    expect(() =>
      uploadDataset({ inputs: uniformArray(1, [4, 3]), targets: uniformArray(1, [5, 3]) }, backend),
    ).toThrow(ShapeError)
    expect(() => uploadDataset({ inputs: uniformArray(1, [0, 3]) }, backend)).toThrow(ArgumentError)
    const { data } = setUp(backend)
    expect(() => prepareSample(data, new Uint32Array(), 4, 'float64')).toThrow(ArgumentError)
    expect(() => prepareSample(data, Uint32Array.of(0, 7), 4, 'float64')).toThrow(
      /below 7; found largest index 7/,
    )
  })

  it('weigh cases alike and padding nothing', () => {
    const { sampleOf } = setUp(backend)
    const weights = sampleOf(4).chunks.flatMap((chunk) => [...chunk.weights.readSync()])
    expect(weights).toEqual([...new Array<number>(7).fill(1 / 7), 0])
  })
})

describe.each(
  [createReferenceBackend(), createReferenceBackend({ optimise: true })].map((backend) => ({
    name: backend.name,
    backend,
  })),
)('on $name', ({ backend }) => {
  const { layout, theta, vector, sampleOf, data } = setUp(backend)

  it('loss and gradient do not depend on how a sample is cut', async () => {
    const whole = createObjective(problem, layout, cases)
    const wanted = await whole.gradient(theta, sampleOf(cases))
    const evaluation = await whole.evaluate(theta, sampleOf(cases))
    expect(evaluation.loss).toBeCloseTo(wanted.loss, 13)
    for (const length of [1, 2, 3, 5, 100]) {
      const objective = createObjective(problem, layout, length)
      const { loss, gradient } = await objective.gradient(theta, sampleOf(length))
      expect(loss).toBeCloseTo(wanted.loss, 13)
      expect((await objective.evaluate(theta, sampleOf(length))).metric).toBeCloseTo(evaluation.metric, 13)
      const want = wanted.gradient.readSync()
      gradient.readSync().forEach((value: number, i: number) => expect(value).toBeCloseTo(want[i], 13))
    }
  })

  it('the gradient is that of the loss, weight decay included', async () => {
    const objective = createObjective(problem, layout, 4)
    const { gradient } = await objective.gradient(theta, sampleOf(4))
    const [values, slope] = [[...theta.readSync()], gradient.readSync()]
    const lossAt = async (i: number, h: number): Promise<number> =>
      (await objective.evaluate(vector(values.map((value, j) => (i === j ? value + h : value))), sampleOf(4)))
        .loss
    for (const i of places(layout)) {
      const difference = ((await lossAt(i, 1e-5)) - (await lossAt(i, -1e-5))) / 2e-5
      expect(slope[i]).toBeCloseTo(difference, 7)
    }
  })

  it('the curvature operator is JᵀHJ + (w + λ)I, symmetric, whatever the chunks and the damping', () => {
    const unit = (i: number): Tensor => vector(Array.from({ length: layout.size }, (_, j) => Number(i === j)))
    const all = places(layout)
    const matrix = (length: number, damping: number): number[][] => {
      using operator = createCurvature(problem, layout).linearize(theta, sampleOf(length))
      return all.map((i) => {
        const column = operator.apply(unit(i), damping).readSync()
        return all.map((j) => column[j])
      })
    }
    // J by central differences of the outputs, H = p(1 − p) in closed form.
    const values = [...theta.readSync()]
    const outputs = (flat: readonly number[]): number[] => [
      ...tanhNetwork(unflattenParameters(layout, vector(flat)), data.inputs).readSync(),
    ]
    const jacobian = all.map((i) => {
      const [up, down] = [1e-5, -1e-5].map((h) =>
        outputs(values.map((value, j) => (i === j ? value + h : value))),
      )
      return up.map((value, k) => (value - down[k]) / 2e-5)
    })
    const weights = outputs(values).map(
      (z) => Math.exp(-Math.abs(z)) / (1 + Math.exp(-Math.abs(z))) ** 2 / cases,
    )
    const [cut, other] = [matrix(3, 0.5), matrix(cases, 0.25)]
    all.forEach((_, a) => {
      all.forEach((__, b) => {
        const entry = weights.reduce((sum, weight, k) => sum + weight * jacobian[a][k] * jacobian[b][k], 0)
        expect(cut[a][b]).toBeCloseTo(entry + (a === b ? 0.51 : 0), 8)
        expect(cut[a][b]).toBeCloseTo(cut[b][a], 12)
        expect(other[a][b] + (a === b ? 0.25 : 0)).toBeCloseTo(cut[a][b], 12)
      })
    })
  })

  it('the mean of squared per-case gradients is that of a loop over single cases', async () => {
    const undecayed = { ...problem, weightDecay: 0 }
    const objective = createObjective(undecayed, layout, 1)
    const wanted = new Float64Array(layout.size)
    for (let i = 0; i < cases; i++) {
      const { gradient } = await objective.gradient(
        theta,
        prepareSample(data, Uint32Array.of(i), 1, 'float64'),
      )
      gradient.readSync().forEach((value: number, j: number) => (wanted[j] += (value * value) / cases))
    }
    for (const length of [2, 7]) {
      const squares = createSquaredGradients(undecayed, layout).mean(theta, sampleOf(length)).readSync()
      squares.forEach((value: number, j: number) => expect(value).toBeCloseTo(wanted[j], 12))
    }
  })
})

it('squared gradients are refused where cases meet, with what to use instead', () => {
  const backend = createReferenceBackend()
  const { layout, theta, sampleOf } = setUp(backend)
  const centred = {
    ...problem,
    model: (p: Parameters<typeof tanhNetwork>[0], x: Tensor) =>
      tanhNetwork(p, x.subtract(tanhNetwork(p, x).sum(0).sum())),
  }
  expect(() => createSquaredGradients(centred, layout).mean(theta, sampleOf(cases))).toThrow(
    /must not depend on the other cases|L-BFGS/,
  )
})

describe('on wasm', () => {
  const backend = createWasmBackend()
  const { layout, theta, vector, sampleOf } = setUp(backend, 'float32')

  it('a thousand products leave live buffers and bytes as they were, and trace the model no more', () => {
    let traced = 0
    const counted = {
      ...problem,
      model: (p: Parameters<typeof tanhNetwork>[0], x: Tensor) => {
        traced++
        return tanhNetwork(p, x)
      },
    }
    using operator = createCurvature(counted, layout).linearize(theta, sampleOf(4))
    const v = vector(new Float32Array(layout.size).fill(0.5))
    operator.apply(v, 0.1).dispose()
    const [before, calls] = [backend.memory(), traced]
    for (let i = 0; i < 1000; i++) operator.apply(v, 0.1 + i).dispose()
    expect(backend.memory()).toEqual(before)
    expect(traced).toBe(calls)
  })

  it('a product needs four matrix products per dense layer and chunk, fewer where the data enters, and none is alone', () => {
    using operator = createCurvature(problem, layout).linearize(theta, sampleOf(4))
    const { matrixProducts } = operator.executableFor(theta).summary
    expect(matrixProducts).toBe(2 + 4)
  })

  it('agrees with float64', async () => {
    const reference = createReferenceBackend()
    const exact = setUp(reference)
    const wanted = (
      await createObjective(problem, exact.layout, 4).gradient(exact.theta, exact.sampleOf(4))
    ).gradient.readSync()
    const { gradient } = await createObjective(problem, layout, 4).gradient(theta, sampleOf(4))
    gradient.readSync().forEach((value: number, i: number) => expect(value).toBeCloseTo(wanted[i], 5))
  })
})
