// Oracle: the run that loses no device. A stand-in for a device: the wasm backend, lost after a number of runs.
import { glorotInitialisation, hessianFree, noPreconditioning, squaredError } from '@hessian-free/hf'
import type { DenseLayer, HessianFreeStep } from '@hessian-free/hf'
import {
  DeviceLostError,
  createWasmBackend,
  hostArray,
  randomKey,
  randomUniforms,
  sigmoid,
} from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { survivingRun } from './survivingRun.ts'
import type { DeviceLoss, Placement } from './survivingRun.ts'

const uniform = (seed: number, shape: readonly number[]) =>
  hostArray(Float32Array.from(randomUniforms(randomKey(seed), shape[0] * shape[1])), shape)
const source = (cases: number, seed: number) => ({
  inputs: uniform(seed, [cases, 3]),
  targets: uniform(seed + 1, [cases, 2]),
})
const model = ([{ w, b }]: readonly DenseLayer[], x: Tensor): Tensor => sigmoid(x.dot(w).add(b))

/** Fails for good after this many runs of programs. */
function frail(
  runs: number,
  failure: Error = new DeviceLostError({ operation: 'run', rule: 'the device must not be lost' }),
): Backend {
  const inner = createWasmBackend()
  let left = runs
  return {
    ...inner,
    compile: (program, options) => {
      const executable = inner.compile(program, options)
      return {
        ...executable,
        run: (inputs) => {
          if (left-- <= 0) throw failure
          return executable.run(inputs)
        },
      }
    },
  }
}

const place = (backend: Backend): Placement => ({
  backend,
  prepared: {
    problem: { model, loss: squaredError() },
    initial: glorotInitialisation(randomKey(2), [3, 2], { backend, dtype: 'float32' }),
    data: source(40, 1),
    heldOut: source(20, 3),
    reconstructs: false,
  },
})

/** Trains on these backends, one after the other. */
async function train(backends: readonly Backend[]) {
  const losses: DeviceLoss[] = []
  const left = [...backends]
  const next = (): Placement => place(left.shift() ?? createWasmBackend())
  const run = survivingRun(next(), {
    place: () => Promise.resolve(next()),
    minimise: ({ problem, initial, data, heldOut }, resumeFrom) =>
      hessianFree(problem, { preconditioning: noPreconditioning(), damping: 0.1 }).minimise(initial, {
        data,
        heldOut,
        iterations: 4,
        ...(resumeFrom === undefined ? {} : { resumeFrom }),
      }),
    onLoss: (loss) => losses.push(loss),
  })
  const steps: Omit<HessianFreeStep, 'seconds' | 'conjugateGradient'>[] = []
  let failure: unknown
  try {
    for await (const { seconds: _, conjugateGradient: __, ...step } of run) steps.push(step)
  } catch (error) {
    failure = error
  }
  const { state } = run
  run.dispose()
  return { steps, losses, failure, parameters: state?.parameters, state }
}

describe('a surviving run', () => {
  it('takes the steps of a run that loses no device, whenever and however often it does', async () => {
    const wanted = await train([])
    expect(wanted.steps).toHaveLength(4)
    for (const runs of [[1], [20], [60], [100, 0, 50], [2, 2, 2]]) {
      const found = await train(runs.map((count) => frail(count)))
      expect(found.failure).toBeUndefined()
      expect(found.losses).toHaveLength(runs.length)
      expect(found.steps).toEqual(wanted.steps)
      expect(found.parameters).toEqual(wanted.parameters)
    }
  })

  it('gives up after three losses in a row and keeps what was reached', async () => {
    const found = await train([frail(100), ...[1, 2, 3].map((count) => frail(count))])
    expect(found.failure).toBeInstanceOf(DeviceLostError)
    expect(found.losses).toHaveLength(3)
    expect(found.steps.length).toBeGreaterThanOrEqual(1)
    expect(found.state?.iteration).toBe(found.steps.length)
    expect(found.losses.map(({ iteration }) => iteration)).toEqual(found.losses.map(() => found.steps.length))
  })

  it('does not go on after any other error', async () => {
    const mistaken = frail(40, new TypeError('no device but a mistake'))
    const found = await train([mistaken])
    expect(found.failure).toBeInstanceOf(TypeError)
    expect(found.losses).toEqual([])
  })
})
