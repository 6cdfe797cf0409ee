import { createWasmBackend, hostArray, randomKey, randomUniforms, tanh } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import {
  geometricSampling,
  glorotInitialisation,
  hessianFree,
  lbfgsPreconditioning,
  squaredError,
} from '@hessian-free/hf'
import type { DenseLayer } from '@hessian-free/hf'

// A model is a plain function of a parameter tree and a batch.
const model = ([first, second]: readonly DenseLayer[], x: Tensor): Tensor =>
  tanh(x.dot(first.w).add(first.b)).dot(second.w).add(second.b)

// y = sin(3x) on 400 points.
const x = Float32Array.from(randomUniforms(randomKey(1), 400), (u) => 2 * u - 1)
const data = {
  inputs: hostArray(x, [400, 1]),
  targets: hostArray(
    x.map((v) => Math.sin(3 * v)),
    [400, 1],
  ),
}

const optimiser = hessianFree(
  { model, loss: squaredError() },
  {
    damping: 0.01,
    preconditioning: lbfgsPreconditioning({ pairs: 16 }),
    gradientSample: geometricSampling({ start: 100, factor: 1.2 }),
  },
)
const run = optimiser.minimise(
  glorotInitialisation(randomKey(2), [1, 16, 1], { backend: createWasmBackend() }),
  { data, heldOut: data, iterations: 30 },
)
for await (const step of run)
  console.log(step.iteration, step.heldOutLoss, step.damping, step.conjugateGradient.stopReason)
