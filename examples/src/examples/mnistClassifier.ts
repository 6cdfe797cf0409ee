/**
 * A classifier of handwritten digits: tanh units, softmax cross-entropy, Glorot initialisation. An easy problem, on which
 * conjugate gradients stops early and preconditioning has little to gain; here to be compared with the autoencoder.
 */
import { glorotInitialisation, softmaxCrossEntropy } from '@hessian-free/hf'
import { randomKey, tanh } from '@hessian-free/tensor'
import { firstCases } from '../data/firstCases.ts'
import { denseNetwork } from './denseNetwork.ts'
import type { Example, Preset } from './example.ts'

const preset = (
  widths: readonly number[],
  trainingCases: number,
  heldOutCases: number,
  iterations: number,
): Preset => ({
  widths,
  trainingCases,
  heldOutCases,
  iterations,
  damping: 1,
  weightDecay: 1e-5,
  gradientSample: { start: trainingCases / 10, factor: 10 ** (2 / iterations), limit: trainingCases },
  curvatureSample: { start: trainingCases / 20, factor: 4 ** (2 / iterations), limit: trainingCases / 5 },
})

export const mnistClassifier: Example = {
  name: 'mnist-classifier',
  description: 'handwritten digits to ten classes',
  presets: {
    tiny: preset([784, 16, 10], 400, 100, 4),
    small: preset([784, 128, 64, 10], 10_000, 2_000, 20),
    full: preset([784, 512, 256, 10], 60_000, 10_000, 40),
  },
  prepare: async ({ widths, trainingCases, heldOutCases, weightDecay }, backend, seed, readMnist) => {
    const [training, test] = [await readMnist('train'), await readMnist('test')]
    return {
      problem: { model: denseNetwork(tanh), loss: softmaxCrossEntropy(), weightDecay },
      initial: glorotInitialisation(randomKey(seed), widths, { backend }),
      data: {
        inputs: firstCases(training.images, trainingCases),
        targets: firstCases(training.labels, trainingCases),
      },
      heldOut: {
        inputs: firstCases(test.images, heldOutCases),
        targets: firstCases(test.labels, heldOutCases),
      },
      reconstructs: false,
    }
  },
}
