// Oracle: the states that a person would name, after messages written here by hand.
import type { HessianFreeStep } from '@hessian-free/hf'
import { describe, expect, it } from 'vitest'
import type { ModelPoint, WorkerMessage } from './messages.ts'
import { advance, idle, pauseRequested, started } from './runState.ts'
import type { RunState } from './runState.ts'

const choices = { preset: 'tiny', preconditioner: 'none', backend: 'wasm', iterations: 3 } as const
const digits = { originals: new Float32Array(784), outputs: new Float32Array(784) }
const initial = { kind: 'initial', initial: { heldOutLoss: 9, heldOutMetric: 4 }, digits } as const
const step = (iteration: number): WorkerMessage => ({ kind: 'step', step: { iteration } as HessianFreeStep })
const solving = (iteration: number, ...points: readonly ModelPoint[]): WorkerMessage => ({
  kind: 'progress',
  progress: {
    ...{ phase: 'conjugateGradient', iteration, conjugateGradientIteration: 1, maximumIterations: 250 },
    ...{ modelValue: -1, residualNorm: 1 },
  },
  points,
})
const after = (messages: readonly WorkerMessage[], from: RunState = started(choices)): RunState =>
  messages.reduce(advance, from)

describe('the state of a run', () => {
  it('begins with nothing of an earlier run', () => {
    expect(started(choices)).toEqual({ ...idle, phase: 'starting', choices })
  })

  it('counts megabytes while data are read, and forgets them when all is prepared', () => {
    const reading = after([{ kind: 'loading', megabytes: 12 }])
    expect(reading.loaded).toBe(12)
    const prepared = after([{ kind: 'prepared', settings: {}, metric: 'error' }], reading)
    expect(prepared.loaded).toBeUndefined()
    expect(prepared.phase).toBe('starting')
  })

  it('trains from the first evaluation on, keeping every step and the latest digits', () => {
    const running = after([initial, step(1), step(2)])
    expect(running.phase).toBe('running')
    expect(running.steps.map(({ iteration }) => iteration)).toEqual([1, 2])
    expect(running.digits).toBe(digits)
  })

  it('collects the model of one iteration, and begins anew with the points of the next', () => {
    const first = after([initial, solving(1, [1, -1], [2, -2]), solving(1, [3, -3])])
    expect(first.model).toEqual({
      iteration: 1,
      points: [
        [1, -1],
        [2, -2],
        [3, -3],
      ],
    })
    expect(after([solving(2)], first).model).toBe(first.model)
    expect(after([solving(2, [1, -5])], first).model).toEqual({ iteration: 2, points: [[1, -5]] })
  })

  it('says that threads failed beside what was said before', () => {
    const backend = {
      kind: 'backend',
      description: 'WebAssembly on 2 threads',
      notice: 'No WebGPU.',
    } as const
    const alone = after([backend, initial, { kind: 'threadsFailed', reason: 'no workers' }])
    expect(alone.device).toBe('WebAssembly on one thread')
    expect(alone.notice).toBe('No WebGPU. The run goes on with one thread: no workers.')
  })

  it('is paused when the worker says so, not when it is asked', () => {
    const asked = pauseRequested(after([initial]), true)
    expect([asked.phase, asked.isPausing]).toEqual(['running', true])
    const paused = after([{ kind: 'paused' }], asked)
    expect([paused.phase, paused.isPausing]).toEqual(['paused', false])
    expect(after([{ kind: 'resumed' }], paused).phase).toBe('running')
  })

  it('keeps what was reached when it fails, and listens to nothing afterwards', () => {
    const failed = after([
      initial,
      step(1),
      { kind: 'failed', message: 'no memory' },
      step(2),
      { kind: 'resumed' },
    ])
    expect(failed.phase).toBe('failed')
    expect(failed.failure).toBe('no memory')
    expect(failed.steps).toHaveLength(1)
  })
})
