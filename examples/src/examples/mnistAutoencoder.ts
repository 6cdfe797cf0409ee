/**
 * The deep autoencoder of Hinton & Salakhutdinov 2006 on MNIST: logistic units, a linear code layer, logistic outputs with
 * cross-entropy; sparse initialisation and damping as in Martens 2010. The small preset has the same form on 10,000
 * images. Reported beside the loss: squared reconstruction error per image.
 */
import { logisticCrossEntropy, sparseInitialisation } from '@hessian-free/hf'
import { randomKey, sigmoid } from '@hessian-free/tensor'
import { firstCases } from '../data/firstCases.ts'
import { denseNetwork } from './denseNetwork.ts'
import type { Example, Preset } from './example.ts'

const presets: Record<'tiny' | 'small' | 'full', Preset> = {
  tiny: {
    widths: [784, 16, 4, 16, 784],
    trainingCases: 200,
    heldOutCases: 50,
    iterations: 4,
    damping: 45,
    weightDecay: 1e-5,
    gradientSample: { start: 100, factor: 1.5, limit: 200 },
    curvatureSample: { start: 50, factor: 1.5, limit: 100 },
  },
  small: {
    widths: [784, 256, 64, 16, 64, 256, 784],
    trainingCases: 10_000,
    heldOutCases: 2_000,
    iterations: 40,
    damping: 45,
    weightDecay: 1e-5,
    gradientSample: { start: 1_000, factor: 1.122, limit: 10_000 },
    curvatureSample: { start: 500, factor: 1.035, limit: 1_000 },
  },
  full: {
    widths: [784, 1000, 500, 250, 30, 250, 500, 1000, 784],
    trainingCases: 60_000,
    heldOutCases: 10_000,
    iterations: 100,
    damping: 45,
    weightDecay: 1e-5,
    gradientSample: { start: 6_000, factor: 1.047, limit: 60_000 },
    curvatureSample: { start: 1_000, factor: 1.041, limit: 7_500 },
  },
}

export const mnistAutoencoder: Example = {
  name: 'mnist-autoencoder',
  description: 'deep autoencoder of handwritten digits (Hinton & Salakhutdinov 2006)',
  presets,
  prepare: async ({ widths, trainingCases, heldOutCases, weightDecay }, backend, seed, readMnist) => {
    const [training, test] = [await readMnist('train'), await readMnist('test')]
    const code = (widths.length - 1) / 2 - 1
    return {
      problem: { model: denseNetwork(sigmoid, [code]), loss: logisticCrossEntropy(), weightDecay },
      initial: sparseInitialisation(randomKey(seed), widths, { backend }),
      data: { inputs: firstCases(training.images, trainingCases) },
      heldOut: { inputs: firstCases(test.images, heldOutCases) },
      reconstructs: true,
    }
  },
}
