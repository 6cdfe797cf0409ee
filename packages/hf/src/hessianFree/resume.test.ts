// Going on from a state. Oracles: the run that nothing disturbed, bit for bit; the same state resumed in peace.
import {
  ArgumentError,
  DeviceLostError,
  ShapeError,
  createWasmBackend,
  hostArray,
} from '@hessian-free/tensor'
import type { Backend, HostArray } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import type { DenseLayer } from '../initialisation.ts'
import { squaredError } from '../losses/squaredError.ts'
import { geometricSampling } from '../sampling/geometric.ts'
import { lateBackend } from '../testing/lateBackend.ts'
import type { LateBackend } from '../testing/lateBackend.ts'
import { uniforms } from '../testing/linearSystems.ts'
import { smallLayers, tanhNetwork, uniformArray } from '../testing/smallProblem.ts'
import { hessianFree } from './hessianFree.ts'
import type { HessianFreeMinimisation, HessianFreeMinimiseOptions } from './hessianFree.ts'
import type { Preconditioning } from './preconditioning.ts'
import { diagonalPreconditioning, lbfgsPreconditioning, noPreconditioning } from './preconditioning.ts'
import type { HessianFreeState, ResumableState } from './state.ts'
import type { HessianFreeStep } from './stepRecord.ts'

/** Held-out targets are a little off, so that steps are rejected now and then. */
function data(cases: number, seed: number, shift: number): { inputs: HostArray; targets: HostArray } {
  const inputs = uniformArray(seed, [cases, 3], 'float32')
  const targets = Float32Array.from({ length: 2 * cases }, (_, i) => {
    const [a, b, c] = inputs.data.slice(3 * (i >> 1), 3 * (i >> 1) + 3)
    return (i % 2 === 0 ? a * b + 1 : Math.sin(2 * c) - 1) + shift
  })
  return { inputs, targets: hostArray(targets, [cases, 2]) }
}
const [training, heldOut] = [data(60, 1, 0), data(20, 2, 0.6)]
const iterations = 4

function start(
  preconditioning: Preconditioning,
  backend: Backend,
  options: Partial<HessianFreeMinimiseOptions> = {},
  seed = 9,
): HessianFreeMinimisation<readonly DenseLayer[]> {
  const optimiser = hessianFree(
    { model: tanhNetwork, loss: squaredError(), weightDecay: 1e-4 },
    {
      preconditioning,
      damping: 0.2,
      seed: 4,
      chunkLength: 16,
      maximumConjugateGradientIterations: 25,
      gradientSample: geometricSampling({ start: 20, factor: 1.3 }),
      curvatureSample: geometricSampling({ start: 10, factor: 1.3 }),
    },
  )
  const initial = smallLayers(backend, [3, 4, 2], 'float32', seed)
  return optimiser.minimise(initial, { data: training, heldOut, iterations, ...options })
}

/** A record without the seconds, which no two runs share. */
const timeless = ({ seconds, conjugateGradient, ...step }: HessianFreeStep) => {
  expect(seconds).toBeGreaterThanOrEqual(conjugateGradient.seconds)
  return { ...step, conjugateGradient: { ...conjugateGradient, seconds: 0 } }
}

interface Observed {
  readonly steps: ReturnType<typeof timeless>[]
  /** After each step. */
  readonly states: HessianFreeState[]
  readonly parameters: readonly HostArray[]
}

/** Runs to the end; the states are asked for after every step. */
async function observe(run: HessianFreeMinimisation<readonly DenseLayer[]>): Promise<Observed> {
  const steps: Observed['steps'] = []
  const states: HessianFreeState[] = []
  for await (const step of run) {
    steps.push(timeless(step))
    states.push(await run.state())
  }
  const parameters = await run.snapshot()
  run.dispose()
  return { steps, states, parameters }
}

const preconditionings = [noPreconditioning(), diagonalPreconditioning(), lbfgsPreconditioning({ pairs: 4 })]
const exact = preconditionings.slice(0, 2)

describe.each(exact)('with $name preconditioning', (preconditioning) => {
  it('a run goes on from the state after any step as if nothing had happened, on another backend too', async () => {
    const whole = await observe(start(preconditioning, createWasmBackend()))
    expect(new Set(whole.steps.map(({ accepted }) => accepted)).size).toBe(2)
    expect(whole.states.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4])
    for (const state of whole.states) {
      // Other initial parameters: those of the state count.
      const resumed = await observe(start(preconditioning, createWasmBackend(), { resumeFrom: state }, 1))
      expect(resumed.steps).toEqual(whole.steps.slice(state.iteration))
      expect(resumed.parameters).toEqual(whole.parameters)
    }
  })

  it('a run whose loop was left goes on when it is iterated over again', async () => {
    const whole = await observe(start(preconditioning, createWasmBackend()))
    const run = start(preconditioning, createWasmBackend())
    const steps: Observed['steps'] = []
    for await (const step of run) if (steps.push(timeless(step)) === 2) break
    for await (const step of run) steps.push(timeless(step))
    expect(steps).toEqual(whole.steps)
    expect(await run.snapshot()).toEqual(whole.parameters)
    run.dispose()
  })
})

it('with lbfgs preconditioning the step after resuming has the same samples and gradient, and no pairs', async () => {
  const preconditioning = lbfgsPreconditioning({ pairs: 4 })
  const whole = await observe(start(preconditioning, createWasmBackend()))
  const { steps } = await observe(
    start(preconditioning, createWasmBackend(), { resumeFrom: whole.states[1] }),
  )
  const shared = ({ iteration, trainingLoss, gradientNorm, damping, gradientCases }: Observed['steps'][0]) =>
    ({ iteration, trainingLoss, gradientNorm, damping, gradientCases }) as const
  expect(shared(steps[0])).toEqual(shared(whole.steps[2]))
  expect(steps[0].conjugateGradient).not.toEqual(whole.steps[2].conjugateGradient)
  expect(steps.map(({ iteration }) => iteration)).toEqual([3, 4])
})

describe.each(preconditionings)('a device lost in step 3, with $name preconditioning', (preconditioning) => {
  /** Runs until the device is lost; keeps the state after every step. */
  async function untilLost(backend: LateBackend, loseAfter: number): Promise<HessianFreeState> {
    const run = start(preconditioning, backend)
    let last = await run.state()
    const go = async (): Promise<void> => {
      for await (const step of run) {
        last = await run.state()
        if (step.iteration === 2) backend.loseAfter(loseAfter)
      }
    }
    await expect(go()).rejects.toThrow(DeviceLostError)
    await expect(run.state()).rejects.toThrow(DeviceLostError)
    run.dispose()
    return last
  }

  it('costs that step and no other: the run goes on as from the same state without a loss', async () => {
    const calm = lateBackend(createWasmBackend())
    const operations: number[] = []
    const undisturbed = start(preconditioning, calm)
    const states: HessianFreeState[] = []
    for await (const { iteration } of undisturbed) {
      states.push(await undisturbed.state())
      operations[iteration] = calm.operations
    }
    const inStep3 = operations[3] - operations[2]
    expect(inStep3).toBeGreaterThan(20)
    const wanted = await observe(
      start(preconditioning, lateBackend(createWasmBackend()), { resumeFrom: states[1] }),
    )
    const uniform = uniforms(3)
    for (let loss = 0; loss < 5; loss++) {
      // The operations after the last one of step 3 belong to `state()`.
      const loseAfter = Math.floor(uniform() * (inStep3 - 1))
      const state = await untilLost(lateBackend(createWasmBackend()), loseAfter)
      expect({ ...state, seconds: 0 }).toEqual({ ...states[1], seconds: 0 })
      if (loss > 0) continue // Equal states go on equally.
      const resumed = await observe(
        start(preconditioning, lateBackend(createWasmBackend()), { resumeFrom: state }),
      )
      expect(resumed.steps).toEqual(wanted.steps)
      expect(resumed.parameters).toEqual(wanted.parameters)
    }
  })
})

describe('a state', () => {
  it('before the first step is that of the initial parameters', async () => {
    const run = start(noPreconditioning(), createWasmBackend())
    expect(await run.state()).toMatchObject({
      iteration: 0,
      damping: 0.2,
      rejections: 0,
      warmStart: undefined,
      heldOut: undefined,
      seconds: 0,
      parameters: await run.snapshot(),
    })
    run.dispose()
  })

  it('survives an abort in the middle of a step, which it knows nothing of', async () => {
    const whole = await observe(start(noPreconditioning(), createWasmBackend()))
    for (const phase of ['gradient', 'conjugateGradient', 'backtracking'] as const) {
      const controller = new AbortController()
      const run = start(noPreconditioning(), createWasmBackend(), {
        signal: controller.signal,
        onProgress: (progress) => {
          if (progress.iteration === 3 && progress.phase === phase) controller.abort()
        },
      })
      const steps: HessianFreeStep[] = []
      for await (const step of run) steps.push(step)
      // Step 3 is accepted if backtracking has found an iterate by then.
      const done = steps.length
      if (phase !== 'backtracking') expect(done).toBe(2)
      expect({ ...(await run.state()), seconds: 0 }).toEqual({ ...whole.states[done - 1], seconds: 0 })
      run.dispose()
    }
  })

  it('is read in one wait, and all device memory is given back after it was resumed', async () => {
    const backend = lateBackend(createWasmBackend())
    const run = start(noPreconditioning(), backend)
    for await (const { accepted } of run) if (accepted) break
    const before = backend.waits
    const state = await run.state()
    expect(state.warmStart).toBeDefined()
    expect(backend.waits - before).toBe(1)
    run.dispose()

    const other = createWasmBackend()
    const initial = smallLayers(other, [3, 4, 2], 'float32')
    const live = other.memory().liveBuffers
    const optimiser = hessianFree({ model: tanhNetwork, loss: squaredError() }, { chunkLength: 16 })
    const options = { data: training, heldOut, iterations: state.iteration + 2, resumeFrom: state }
    const unused = optimiser.minimise(initial, options)
    unused.dispose()
    const used = optimiser.minimise(initial, options)
    for await (const { iteration } of used) expect(iteration).toBeGreaterThan(state.iteration)
    used.dispose()
    expect(other.memory().liveBuffers).toBe(live)
  })

  it('may leave out what the initial parameters give and what can be computed', async () => {
    const state = { iteration: 7, damping: 3 }
    const { steps, states } = await observe(
      start(noPreconditioning(), createWasmBackend(), { resumeFrom: state, iterations: 8 }),
    )
    expect(steps).toMatchObject([{ iteration: 8, damping: 3 }])
    expect(states[0].initial?.heldOutLoss).toBeGreaterThan(0)
    expect(states[0].work.lossCases).toBeGreaterThanOrEqual(40)
  })

  it.each<[string, Partial<HessianFreeState>, typeof ArgumentError]>([
    ['a damping of zero', { damping: 0 }, ArgumentError],
    ['half an iteration', { iteration: 0.5 }, ArgumentError],
    ['negative rejections', { rejections: -1 }, ArgumentError],
    ['a warm start of another length', { warmStart: hostArray(new Float32Array(3), [3]) }, ArgumentError],
    ['parameters of another model', { parameters: [hostArray(new Float32Array(3), [3])] }, ShapeError],
  ])('with %s is refused, and nothing leaks', (_, wrong, error) => {
    const backend = createWasmBackend()
    const state: ResumableState = { iteration: 1, damping: 1, ...wrong }
    const initial = smallLayers(backend, [3, 4, 2], 'float32')
    const live = backend.memory().liveBuffers
    const optimiser = hessianFree({ model: tanhNetwork, loss: squaredError() })
    expect(() => optimiser.minimise(initial, { data: training, heldOut, resumeFrom: state })).toThrow(error)
    expect(backend.memory().liveBuffers).toBe(live)
  })
})
