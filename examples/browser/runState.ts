/**
 * Everything the page shows, as one immutable value; each message of the worker leads from one to the next.
 */
import type { HessianFreeStep, InitialEvaluation, Progress } from '@hessian-free/hf'
import type { DigitImages, ModelPoint, RunChoices, WorkerMessage } from './messages.ts'

export interface RunState {
  readonly phase: 'idle' | 'starting' | 'running' | 'paused' | 'finished' | 'failed'
  /** Asked to pause, but not there yet. */
  readonly isPausing: boolean
  readonly choices: RunChoices | undefined
  /** What computes, in words. */
  readonly device: string | undefined
  readonly notice: string | undefined
  /** Megabytes of data read so far; undefined once all is prepared. */
  readonly loaded: number | undefined
  readonly settings: Readonly<Record<string, string | number>> | undefined
  readonly metric: string
  readonly initial: InitialEvaluation | undefined
  readonly progress: Progress | undefined
  /** The quadratic model along the latest conjugate gradients. */
  readonly model: { readonly iteration: number; readonly points: readonly ModelPoint[] }
  readonly steps: readonly HessianFreeStep[]
  readonly digits: DigitImages | undefined
  readonly failure: string | undefined
}

export const idle: RunState = {
  phase: 'idle',
  isPausing: false,
  choices: undefined,
  device: undefined,
  notice: undefined,
  loaded: undefined,
  settings: undefined,
  metric: 'reconstruction error',
  initial: undefined,
  progress: undefined,
  model: { iteration: 0, points: [] },
  steps: [],
  digits: undefined,
  failure: undefined,
}

export const started = (choices: RunChoices): RunState => ({ ...idle, phase: 'starting', choices })

/** After the page has closed or opened the gate; the worker's answer comes later. */
export const pauseRequested = (state: RunState, paused: boolean): RunState => ({
  ...state,
  isPausing: paused,
})

const join = (...sentences: readonly (string | undefined)[]): string =>
  sentences.filter((sentence) => sentence !== undefined).join(' ')

/** Nothing that comes after an end changes it. */
export function advance(state: RunState, message: WorkerMessage): RunState {
  if (state.phase === 'finished' || state.phase === 'failed') return state
  switch (message.kind) {
    case 'backend':
      return { ...state, device: message.description, notice: message.notice }
    case 'deviceLost': {
      const lost = `The graphics device was lost; the run went on from iteration ${message.iteration}.`
      return { ...state, loaded: undefined, notice: join(lost, state.notice) }
    }
    case 'threadsFailed': {
      const failed = `The run goes on with one thread: ${message.reason}.`
      return { ...state, device: 'WebAssembly on one thread', notice: join(state.notice, failed) }
    }
    case 'loading':
      return { ...state, loaded: message.megabytes }
    case 'prepared':
      return { ...state, loaded: undefined, settings: message.settings, metric: message.metric }
    case 'initial':
      return { ...state, phase: 'running', initial: message.initial, digits: message.digits }
    case 'progress': {
      const { iteration } = message.progress
      // The last model stays in sight until the next conjugate gradients begin.
      const continues = iteration === state.model.iteration
      const model =
        message.points.length === 0
          ? state.model
          : { iteration, points: continues ? [...state.model.points, ...message.points] : message.points }
      return { ...state, progress: message.progress, model }
    }
    case 'step':
      return {
        ...state,
        steps: [...state.steps, message.step],
        digits: message.digits ?? state.digits,
      }
    case 'paused':
      return { ...state, phase: 'paused', isPausing: false }
    case 'resumed':
      return { ...state, phase: 'running', isPausing: false }
    case 'finished':
      return { ...state, phase: 'finished', isPausing: false, progress: undefined }
    case 'failed':
      return { ...state, phase: 'failed', isPausing: false, progress: undefined, failure: message.message }
  }
}
