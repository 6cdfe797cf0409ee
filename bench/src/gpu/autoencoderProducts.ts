/**
 * Gauss-Newton product and conjugate gradient iteration of the full MNIST autoencoder at one batch per program. Data and
 * parameters are numbers from a generator that `peers/torch_peer.py` and `peers/jax_peer.py` repeat, so the norm of the product in `details`
 * must be theirs.
 */
import {
  allCases,
  conjugateGradient,
  createCurvature,
  flattenParameters,
  parameterLayout,
  prepareSample,
  uploadDataset,
} from '@hessian-free/hf'
import { disposeTree, hostArray } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import {
  autoencoderImages,
  autoencoderLayers,
  autoencoderLoss,
  autoencoderModel,
  autoencoderProduct,
  autoencoderWidths,
} from '../network/autoencoder.ts'
import { seeds } from '../network/networkCase.ts'
import type { GpuBench, GpuMeasurement } from './gpuBench.ts'
import { timeReplays } from './replayTiming.ts'

const damping = 1

const norm = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2
  return Math.sqrt(sum)
}

async function productRow({ backend, plan, card, measured, emit }: GpuBench, batch: number): Promise<void> {
  const product = autoencoderProduct(backend, batch)
  const { summary } = product
  const resultNorm = norm(await product.result())
  const [timing] = await timeReplays(backend, [product.run], plan)
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
  product.dispose()
}

async function iterationRow({ backend, plan, card, measured, emit }: GpuBench, batch: number): Promise<void> {
  const layers = autoencoderLayers(backend, seeds.parameters)
  const layout = parameterLayout(layers)
  using theta = flattenParameters(layout, layers)
  disposeTree(layers)
  const direction = autoencoderLayers(backend, seeds.direction)
  using b = flattenParameters(layout, direction)
  disposeTree(direction)
  const data = hostArray(autoencoderImages(batch), [batch, autoencoderWidths[0]])
  const dataset = uploadDataset({ inputs: data }, backend)
  const sample = prepareSample(dataset, allCases(dataset), batch, layout.dtype)
  const curvature = createCurvature({ model: autoencoderModel, loss: autoencoderLoss }, layout)
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
