// Oracles: a convex problem whose minimum is known; the promises of the interface (records, abort, memory).
import {
  createReferenceBackend,
  createWasmBackend,
  hostArray,
  randomKey,
  randomUniforms,
  stopGradient,
  tanh,
} from '@hessian-free/tensor'
import type { Backend, HostArray, Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import {
  adam,
  diagonalPreconditioning,
  geometricSampling,
  glorotInitialisation,
  hessianFree,
  lbfgsPreconditioning,
  noPreconditioning,
  softmaxCrossEntropy,
  squaredError,
  stochasticGradientDescent,
} from '../index.ts'
import type { DenseLayer, HessianFreeStep } from '../index.ts'

const linear = ([{ w, b }]: readonly DenseLayer[], x: Tensor): Tensor => x.dot(w).add(b)
const network = (layers: readonly DenseLayer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => (i === layers.length - 1 ? h.dot(w).add(b) : tanh(h.dot(w).add(b))), x)

const uniforms = (seed: number, shape: readonly number[]): HostArray => {
  const count = shape.reduce((a, b) => a * b, 1)
  return hostArray(
    randomUniforms(randomKey(seed), count).map((u) => 2 * u - 1),
    shape,
  )
}

/** Targets that a linear map of the inputs gives exactly. */
function linearData(cases: number, seed: number): { inputs: HostArray; targets: HostArray } {
  const inputs = uniforms(seed, [cases, 3])
  const targets = new Float64Array(cases * 2)
  for (let i = 0; i < cases; i++) {
    const [a, b, c] = inputs.data.slice(3 * i, 3 * i + 3)
    targets.set([a - 2 * b + 0.5, 3 * c - 1], 2 * i)
  }
  return { inputs, targets: hostArray(targets, [cases, 2]) }
}

/** Two classes divided by a circle. */
function circleData(cases: number, seed: number): { inputs: HostArray; targets: HostArray } {
  const inputs = uniforms(seed, [cases, 2])
  const targets = Int32Array.from({ length: cases }, (_, i) =>
    inputs.data[2 * i] ** 2 + inputs.data[2 * i + 1] ** 2 < 0.6 ? 1 : 0,
  )
  return { inputs, targets: hostArray(targets, [cases]) }
}

const inSingle = ({ inputs, targets }: { inputs: HostArray; targets: HostArray }) => ({
  inputs: hostArray(Float32Array.from(inputs.data), inputs.shape),
  targets,
})

const layers = (
  backend: Backend,
  widths: readonly number[],
  dtype: 'float32' | 'float64' = 'float64',
): DenseLayer[] => glorotInitialisation(randomKey(5), widths, { backend, dtype })

async function collect<S>(steps: AsyncIterable<S>): Promise<S[]> {
  const all: S[] = []
  for await (const step of steps) all.push(step)
  return all
}

for (const optimise of [false, true]) {
  const backend = createReferenceBackend({ optimise })
  describe(`hessianFree on ${backend.name}`, () => {
    it.each([noPreconditioning(), diagonalPreconditioning(), lbfgsPreconditioning({ pairs: 4 })])(
      'finds the exact linear map with $name preconditioning',
      async (preconditioning) => {
        const problem = { model: linear, loss: squaredError() }
        const run = hessianFree(problem, { preconditioning, damping: 1, chunkLength: 16 }).minimise(
          layers(backend, [3, 2]),
          {
            data: linearData(40, 1),
            heldOut: linearData(20, 2),
            iterations: 15,
          },
        )
        const steps = await collect(run)
        expect(steps.at(-1)?.heldOutLoss).toBeLessThan(1e-6)
        const [{ w, b }] = run.parameters()
        expect([...w.readSync()]).toEqual(
          [1, 0, -2, 0, 0, 3].map((value): unknown => expect.closeTo(value, 2)),
        )
        expect([...b.readSync()]).toEqual([0.5, -1].map((value): unknown => expect.closeTo(value, 2)))
      },
    )
  })
}

describe('hessianFree', () => {
  const backend = createReferenceBackend()
  it('trains a network in single precision on growing samples and counts its work', async () => {
    const problem = { model: network, loss: softmaxCrossEntropy(), weightDecay: 1e-5 }
    const run = hessianFree(problem, {
      damping: 0.03,
      chunkLength: 100,
      gradientSample: geometricSampling({ start: 100, factor: 1.1 }),
      curvatureSample: geometricSampling({ start: 80, factor: 1.1 }),
      maximumConjugateGradientIterations: 30,
    }).minimise(layers(createWasmBackend(), [2, 8, 2], 'float32'), {
      data: inSingle(circleData(200, 1)),
      heldOut: inSingle(circleData(80, 2)),
      iterations: 14,
    })
    const steps: HessianFreeStep[] = await collect(run)
    expect(run.initial?.heldOutLoss).toBeGreaterThan(2 * (steps.at(-1)?.heldOutLoss ?? Infinity))
    expect(steps.map(({ gradientCases }) => gradientCases)).toEqual([
      100,
      110,
      121,
      134,
      147,
      162,
      178,
      195,
      ...new Array<number>(6).fill(200),
    ])
    expect(steps.every(({ curvatureCases, gradientCases }) => curvatureCases <= gradientCases)).toBe(true)
    const products = steps.reduce((sum, { conjugateGradient: { products } }) => sum + products, 0)
    expect(steps.at(-1)?.work.products).toBe(products)
    expect(steps.at(-1)?.work.gradientCases).toBe(steps.reduce((sum, step) => sum + step.gradientCases, 0))
  })

  it('stops cleanly when aborted inside conjugate gradients and keeps what was accepted', async () => {
    const controller = new AbortController()
    const run = hessianFree({ model: linear, loss: squaredError() }, { damping: 1 }).minimise(
      layers(backend, [3, 2]),
      {
        data: linearData(40, 1),
        heldOut: linearData(20, 2),
        signal: controller.signal,
        onProgress: (progress) => {
          if (progress.phase === 'conjugateGradient' && progress.iteration === 3) controller.abort()
        },
      },
    )
    const steps = await collect(run)
    expect(steps).toHaveLength(2)
    expect(run.parameters()).toHaveLength(1)
  })

  it('frees everything it took', async () => {
    // A backend of its own: on a shared one the finaliser may free what earlier tests forgot meanwhile.
    const own = createReferenceBackend()
    const initial = layers(own, [3, 2])
    const before = own.memory().liveBuffers
    const run = hessianFree({ model: linear, loss: squaredError() }, { damping: 1 }).minimise(initial, {
      data: linearData(40, 1),
      heldOut: linearData(20, 2),
      iterations: 4,
    })
    await collect(run)
    run.dispose()
    expect(own.memory().liveBuffers).toBe(before)
    expect(initial[0].w.isDisposed).toBe(false)
  })

  it('gives the same run for the same seed and another for another', async () => {
    const losses = async (seed: number): Promise<number[]> => {
      const run = hessianFree(
        { model: network, loss: softmaxCrossEntropy() },
        { damping: 1, seed, gradientSample: geometricSampling({ start: 40, factor: 1.2 }) },
      ).minimise(layers(backend, [2, 4, 2]), {
        data: circleData(120, 1),
        heldOut: circleData(50, 2),
        iterations: 3,
      })
      return (await collect(run)).map(({ heldOutLoss }) => heldOutLoss)
    }
    const first = await losses(1)
    expect(await losses(1)).toEqual(first)
    expect(await losses(2)).not.toEqual(first)
  })

  it.each([
    stochasticGradientDescent({ model: linear, loss: squaredError() }, { learningRate: 0.1, batch: 10 }),
    adam({ model: linear, loss: squaredError() }, { learningRate: 0.05, batch: 10 }),
  ])('first-order method %# reaches the same minimum over the same interface', async (optimiser) => {
    const run = optimiser.minimise(layers(backend, [3, 2]), {
      data: linearData(40, 1),
      heldOut: linearData(20, 2),
      iterations: 40,
    })
    const steps = await collect(run)
    expect(steps.at(-1)?.heldOutLoss).toBeLessThan(1e-3)
  })

  it('rejects steps whose held-out loss is NaN, raises damping and keeps the parameters bit for bit', async () => {
    const initial = layers(backend, [3, 2])
    const heldOut = linearData(20, 2)
    const start = [...initial[0].w.readSync()]
    // The square root of minus a distance: 0 where the model stands, NaN wherever it has moved at all.
    const model = (p: readonly DenseLayer[], x: Tensor): Tensor => {
      const weights = stopGradient(p[0].w).reshape([6])
      const distance = start
        .map((value, i) =>
          weights
            .slice([i], [i + 1])
            .subtract(value)
            .square()
            .sum(),
        )
        .reduce((a, b) => a.add(b))
      return linear(p, x).add(distance.negate().sqrt())
    }
    const run = hessianFree(
      { model, loss: squaredError() },
      { damping: 1, preconditioning: noPreconditioning() },
    ).minimise(initial, { data: linearData(40, 1), heldOut, iterations: 3 })
    const steps = await collect(run)
    expect(steps.map(({ accepted }) => accepted)).toEqual([false, false, false])
    expect(steps.map(({ damping }) => damping)).toEqual([1, 1.5, 2.25])
    expect(steps.every(({ reductionRatio }) => reductionRatio === -Infinity)).toBe(true)
    expect([...run.parameters()[0].w.readSync()]).toEqual(start)
  })

  it('names the case of bad data before it computes anything', async () => {
    const data = linearData(40, 1)
    data.inputs.data[4] = Infinity
    const run = hessianFree({ model: linear, loss: squaredError() }).minimise(layers(backend, [3, 2]), {
      data,
      heldOut: linearData(20, 2),
    })
    await expect(collect(run)).rejects.toThrow(
      /inputs must be finite numbers; found Infinity in case 1, element 1/,
    )
  })
})
