/**
 * Gauss-Newton product and conjugate gradient iteration of the full MNIST autoencoder (784-1000-500-250-30 and back,
 * logistic units, linear code layer, logistic cross-entropy) at one batch per program. Data and parameters are numbers
 * from a generator that `peers/torch_peer.py` and `peers/jax_peer.py` repeat, so the norm of the product in `details`
 * must be theirs.
 */
import { gaussNewtonProduct } from '@hessian-free/autodiff'
import {
  allCases,
  conjugateGradient,
  createCurvature,
  flattenParameters,
  logisticCrossEntropy,
  parameterLayout,
  prepareSample,
  uploadDataset,
} from '@hessian-free/hf'
import type { DenseLayer } from '@hessian-free/hf'
import { disposeTree, hostArray, sigmoid, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import { numbers } from '../numbers.ts'
import type { GpuBench, GpuMeasurement } from './gpuBench.ts'
import { timeReplays } from './replayTiming.ts'

export const autoencoderWidths = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
const codeLayer = 3
const damping = 1
const loss = logisticCrossEntropy()

const model = (layers: readonly DenseLayer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => {
    const z = h.dot(w).add(b)
    return i === codeLayer || i === layers.length - 1 ? z : sigmoid(z)
  }, x)

/** Parameters, or a direction, from one seed. */
const layersFrom = (seed: number, backend: Backend): DenseLayer[] =>
  autoencoderWidths.slice(1).map((outputs, i) => {
    const inputs = autoencoderWidths[i]
    const w = numbers(seed + i, inputs * outputs, 2 / Math.sqrt(inputs))
    return {
      w: tensor(w, { shape: [inputs, outputs], backend }),
      b: tensor(numbers(seed + 50 + i, outputs, 0.2), { shape: [outputs], backend }),
    }
  })

/** Uniform on [0, 1): as bright as images, and as dense as sums can be. */
const images = (batch: number): Float32Array =>
  numbers(7, batch * autoencoderWidths[0]).map((value) => value + 0.5)

const norm = (parts: readonly ArrayLike<number>[]): number => {
  let sum = 0
  for (const part of parts) for (let i = 0; i < part.length; i++) sum += part[i] ** 2
  return Math.sqrt(sum)
}

async function productRow({ backend, plan, card, measured, emit }: GpuBench, batch: number): Promise<void> {
  const [theta, v] = [layersFrom(1, backend), layersFrom(100, backend)]
  using x = tensor(images(batch), { shape: [batch, autoencoderWidths[0]], backend })
  const compiled = gaussNewtonProduct(model, {
    value: (z: Tensor, t: Tensor) => loss.perCase(z, t).mean(),
    hessianProduct: (z: Tensor, t: Tensor, u: Tensor) => loss.hessianProduct(z, t, u).multiply(1 / batch),
  })
  const operator = compiled.at(theta, x, x)
  const result = operator.apply(v)
  const resultNorm = norm(await Promise.all(result.flatMap(({ w, b }) => [w.read(), b.read()])))
  disposeTree(result)
  const { summary } = operator.executable
  const [timing] = await timeReplays(backend, [() => disposeTree(operator.apply(v))], plan)
  emit({
    suite: 'autoencoder',
    case: `Gauss-Newton product, batch ${batch}`,
    timing,
    clock: 'wall',
    flops: summary.matrixProductFlops,
    peak: card?.float32,
    measured: measured.flops,
    details: { resultNorm, kernels: summary.kernels.length, matrixProducts: summary.matrixProducts },
  })
  operator.dispose()
  compiled.dispose()
  disposeTree([theta, v])
}

async function iterationRow({ backend, plan, card, measured, emit }: GpuBench, batch: number): Promise<void> {
  const layers = layersFrom(1, backend)
  const layout = parameterLayout(layers)
  using theta = flattenParameters(layout, layers)
  disposeTree(layers)
  const direction = layersFrom(100, backend)
  using b = flattenParameters(layout, direction)
  disposeTree(direction)
  const data = hostArray(images(batch), [batch, autoencoderWidths[0]])
  const dataset = uploadDataset({ inputs: data }, backend)
  const sample = prepareSample(dataset, allCases(dataset), batch, layout.dtype)
  const curvature = createCurvature({ model, loss }, layout)
  using operator = curvature.linearize(theta, sample)
  const waitsBefore = backend.waits
  let solves = 0
  let norms: readonly number[] = []
  const solve = async (): Promise<void> => {
    const result = await conjugateGradient((v) => operator.apply(v, damping), b, {
      variant: 'standard',
      stop: [],
      maximumIterations: plan.iterations,
      readLag: plan.iterations,
    })
    norms = result.history.map(({ residualNorm }) => residualNorm)
    result.dispose()
    solves++
  }
  const [timing] = await interleave([solve], plan)
  const { summary } = operator.executableFor(b)
  emit({
    suite: 'autoencoder',
    case: `conjugate gradient iteration, batch ${batch}`,
    timing: {
      ...timing,
      milliseconds: timing.milliseconds / plan.iterations,
      least: timing.least / plan.iterations,
    },
    clock: 'wall',
    flops: summary.matrixProductFlops,
    peak: card?.float32,
    measured: measured.flops,
    details: {
      iterations: plan.iterations,
      waitsPerSolve: (backend.waits - waitsBefore) / solves,
      residualNorms: norms.slice(0, 4),
    },
  })
  sample.dispose()
  dataset.dispose()
  curvature.dispose()
}

export const autoencoderProducts: GpuMeasurement = {
  name: 'autoencoder',
  description: 'Gauss-Newton product and conjugate gradient iteration of the MNIST autoencoder',
  run: async (bench) => {
    for (const batch of bench.plan.batches) {
      await bench.attempt('autoencoder', `Gauss-Newton product, batch ${batch}`, () =>
        productRow(bench, batch),
      )
      await bench.attempt('autoencoder', `conjugate gradient iteration, batch ${batch}`, () =>
        iterationRow(bench, batch),
      )
    }
    return undefined
  },
}
