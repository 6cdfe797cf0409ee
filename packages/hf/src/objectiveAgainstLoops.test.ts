// Oracle: loss, metric and gradient of a small network summed case by case in plain loops.
import {
  createReferenceBackend,
  createWasmBackend,
  hostArray,
  randomKey,
  randomPermutation,
} from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allCases, prepareSample, uploadDataset } from './dataset.ts'
import { logisticCrossEntropy } from './losses/logisticCrossEntropy.ts'
import type { Loss } from './losses/loss.ts'
import { softmaxCrossEntropy } from './losses/softmaxCrossEntropy.ts'
import { squaredError } from './losses/squaredError.ts'
import { createObjective } from './objective.ts'
import { flattenParameters, parameterLayout } from './parameterLayout.ts'
import { placed, plainJacobian, plainLayers, plainOutputs } from './testing/plainNetwork.ts'
import { smallLayers, tanhNetwork, uniformArray } from './testing/smallProblem.ts'
import type { FloatDtype } from './testing/smallProblem.ts'

const cases = 11
const weightDecay = 0.03
const labels = hostArray(
  Int32Array.from({ length: cases }, (_, i) => (5 * i) % 3),
  [cases],
)
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const softmax = (z: readonly number[]): number[] => z.map((x) => Math.exp(x) / total(z.map(Math.exp)))

/** Loss, metric and slope of one case; `t` is its row of targets or its class. */
interface PlainLoss {
  readonly loss: (z: readonly number[], t: readonly number[]) => number
  readonly metric: (z: readonly number[], t: readonly number[]) => number
  readonly slope: (z: readonly number[], t: readonly number[]) => number[]
}
const problems: readonly [string, Loss, PlainLoss, boolean][] = [
  [
    'squared error',
    squaredError(),
    {
      loss: (z, t) => total(z.map((x, j) => 0.5 * (x - t[j]) ** 2)),
      metric: (z, t) => total(z.map((x, j) => (x - t[j]) ** 2)),
      slope: (z, t) => z.map((x, j) => x - t[j]),
    },
    false,
  ],
  [
    'logistic cross-entropy',
    logisticCrossEntropy(),
    {
      loss: (z, t) => total(z.map((x, j) => Math.log(1 + Math.exp(x)) - t[j] * x)),
      metric: (z, t) => total(z.map((x, j) => (sigmoid(x) - t[j]) ** 2)),
      slope: (z, t) => z.map((x, j) => sigmoid(x) - t[j]),
    },
    false,
  ],
  [
    'softmax cross-entropy',
    softmaxCrossEntropy(),
    {
      loss: (z, [label]) => -Math.log(softmax(z)[label]),
      metric: (z, [label]) => Number(z.indexOf(Math.max(...z)) !== label),
      slope: (z, [label]) => softmax(z).map((p, j) => p - Number(j === label)),
    },
    true,
  ],
]

function setUp(backend: Backend, classes: boolean, dtype: FloatDtype = 'float64') {
  const layers = smallLayers(backend, [4, 5, 3], dtype)
  const layout = parameterLayout(layers)
  const [inputs, targets] = [
    uniformArray(1, [cases, 4], dtype),
    classes ? labels : uniformArray(2, [cases, 3], dtype),
  ]
  const data = uploadDataset({ inputs, targets }, backend)
  return { layers, layout, inputs, targets, data, theta: flattenParameters(layout, layers) }
}

/** The same by loops, for the cases given. */
function byLoops(
  { layers, layout, inputs, targets, theta }: ReturnType<typeof setUp>,
  plainLoss: PlainLoss,
  chosen: readonly number[],
) {
  const plain = plainLayers(layers)
  const values: number[] = [...theta.readSync()]
  const gradient = values.map((value) => weightDecay * value)
  let [loss, metric] = [0.5 * weightDecay * total(values.map((value) => value * value)), 0]
  const width = targets.data.length / cases
  for (const i of chosen) {
    const x = [...inputs.data.slice(4 * i, 4 * i + 4)]
    const t = [...targets.data.slice(width * i, width * (i + 1))]
    const z = plainOutputs(plain, x)
    loss += plainLoss.loss(z, t) / chosen.length
    metric += plainLoss.metric(z, t) / chosen.length
    const slope = plainLoss.slope(z, t)
    plainJacobian(plain, x).forEach((tree, k) => {
      placed(layout, theta, tree).forEach((d, j) => (gradient[j] += (slope[k] * d) / chosen.length))
    })
  }
  return { loss, metric, gradient }
}

for (const optimise of [false, true]) {
  const backend = createReferenceBackend({ optimise })
  describe.each(problems)(`the objective on ${backend.name} with %s`, (_, loss, plainLoss, classes) => {
    const setting = setUp(backend, classes)
    const problem = { model: tanhNetwork, loss, weightDecay }
    const { data, layout, theta } = setting

    it('equals plain loops for any sample, however it is cut', async () => {
      const sampled = fc.record({
        size: fc.integer({ min: 1, max: cases }),
        length: fc.integer({ min: 1, max: cases + 3 }),
        seed: fc.integer({ min: 0, max: 99 }),
      })
      await fc.assert(
        fc.asyncProperty(sampled, async ({ size, length, seed }) => {
          const chosen = randomPermutation(randomKey(seed), cases).slice(0, size)
          const wanted = byLoops(setting, plainLoss, [...chosen])
          const objective = createObjective(problem, layout, length)
          const sample = prepareSample(data, chosen, length, 'float64')
          const done: number[] = []
          const found = await objective.gradient(theta, sample, (count) => done.push(count))
          const evaluation = await objective.evaluate(theta, sample)
          expect(found.loss).toBeCloseTo(wanted.loss, 12)
          expect(evaluation.loss).toBeCloseTo(wanted.loss, 12)
          expect(evaluation.metric).toBeCloseTo(wanted.metric, 12)
          const values = found.gradient.readSync()
          wanted.gradient.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 12))
          expect(done.at(-1)).toBe(size)
          expect(done).toHaveLength(Math.ceil(size / length))
          sample.dispose()
          objective.dispose()
        }),
        { numRuns: 8 },
      )
    })
  })
}

describe('the objective', () => {
  it('on wasm agrees with plain loops in float32 and leaves nothing behind but the gradient', async () => {
    const backend = createWasmBackend()
    const [, loss, plainLoss] = problems[2]
    const setting = setUp(backend, true, 'float32')
    const wanted = byLoops(setting, plainLoss, [...allCases(setting.data)])
    const objective = createObjective({ model: tanhNetwork, loss, weightDecay }, setting.layout, 4)
    const sample = prepareSample(setting.data, allCases(setting.data), 4, 'float32')
    ;(await objective.gradient(setting.theta, sample)).gradient.dispose()
    const before = backend.memory()
    const found = await objective.gradient(setting.theta, sample)
    const bound = 10 * backend.tolerance('float32')
    expect(Math.abs(found.loss - wanted.loss)).toBeLessThan(bound)
    const values = found.gradient.readSync()
    wanted.gradient.forEach((value, i) => expect(Math.abs(values[i] - value)).toBeLessThan(bound))
    found.gradient.dispose()
    for (let i = 0; i < 100; i++) {
      await objective.evaluate(setting.theta, sample)
      ;(await objective.gradient(setting.theta, sample)).gradient.dispose()
    }
    expect(backend.memory().liveBuffers).toBe(before.liveBuffers)
    expect(backend.memory().liveBytes).toBe(before.liveBytes)
    // Alive to here, so that no finaliser can disturb the count above.
    sample.dispose()
    setting.data.dispose()
  })

  it('of an autoencoder takes its inputs as targets', async () => {
    const backend = createReferenceBackend()
    const layers = smallLayers(backend, [3, 2, 3])
    const layout = parameterLayout(layers)
    const theta = flattenParameters(layout, layers)
    const inputs = uniformArray(1, [cases, 3])
    const problem = { model: tanhNetwork, loss: squaredError() }
    const losses = [{ inputs }, { inputs, targets: hostArray(inputs.data.slice(), inputs.shape) }].map(
      async (source) => {
        const data = uploadDataset(source, backend)
        const sample = prepareSample(data, allCases(data), 4, 'float64')
        const objective = createObjective(problem, layout, 4)
        const { gradient, loss } = await objective.gradient(theta, sample)
        return [loss, ...gradient.readSync()]
      },
    )
    const [own, copied] = await Promise.all(losses)
    expect(own).toEqual(copied)
    expect(own[0]).toBeGreaterThan(0)
  })
})
