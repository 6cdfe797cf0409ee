/**
 * The run inside the worker: the same example, optimiser and backends as on the command line, told to the page as a
 * stream of messages. Pausing is not pulling the next step, and sleeping inside one where memory is shared.
 */
import type { Progress } from '@hessian-free/hf'
import { mnistAutoencoder } from '../src/examples/mnistAutoencoder.ts'
import { survivingRun } from '../src/training/survivingRun.ts'
import type { Placement } from '../src/training/survivingRun.ts'
import {
  createOptimiser,
  describeSettings,
  reconstruct,
  reconstructLatest,
} from '../src/training/trainingRun.ts'
import type { OptimiserSettings, Reconstructions } from '../src/training/trainingRun.ts'
import { chooseBackend } from './chooseBackend.ts'
import { mnistFetcher } from './fetchMnist.ts'
import type { DigitImages, ModelPoint, RunChoices, WorkerMessage } from './messages.ts'
import type { PauseGate } from './pauseGate.ts'
import { createThreadWatch } from './threadWatch.ts'

/** Pairs of original and reconstruction on the page. */
const digitCount = 12
/** Milliseconds: the page needs no more messages than it can show. */
const progressInterval = 50
const digitsInterval = 250

/**
 * Trains until the iterations are done.
 * @param base where the page came from; `mnist/` lies below it.
 * @throws {TensorError} as the pieces do.
 */
export async function streamTraining(
  choices: RunChoices,
  base: URL,
  gate: PauseGate,
  post: (message: WorkerMessage) => void,
): Promise<void> {
  const preset = mnistAutoencoder.presets[choices.preset]
  const settings: OptimiserSettings = {
    preconditioner: choices.preconditioner,
    pairs: 32,
    sampling: 'geometric',
    seed: 0,
  }
  const loading = atMostEvery(progressInterval)
  const readMnist = mnistFetcher(new URL('mnist/', base), (bytes) => {
    if (loading()) post({ kind: 'loading', megabytes: bytes / 1e6 })
  })
  const place = async (): Promise<Placement> => {
    const { backend, ...chosen } = await chooseBackend(choices, navigator.gpu)
    post({ kind: 'backend', ...chosen })
    threadFailure(backend)
    return { backend, prepared: await mnistAutoencoder.prepare(preset, backend, settings.seed, readMnist) }
  }
  const threadFailure = createThreadWatch()
  const first = await place()
  const { prepared } = first
  post({
    kind: 'prepared',
    settings: describeSettings(prepared, preset, settings),
    metric: prepared.problem.loss.metric.name,
  })

  const initialDigits = digitImages(await reconstruct(prepared, prepared.initial, digitCount))
  const progress = progressPoster(post)
  let begun = false
  const run = survivingRun(first, {
    place,
    minimise: (placed, resumeFrom) =>
      createOptimiser(placed, preset, settings).minimise(placed.initial, {
        data: placed.data,
        heldOut: placed.heldOut,
        iterations: choices.iterations,
        onProgress: (state) => {
          if (!begun && run.run.initial !== undefined) {
            begun = true
            post({ kind: 'initial', initial: run.run.initial, digits: initialDigits })
          }
          progress(state)
          gate.holdThread()
        },
        ...(resumeFrom === undefined ? {} : { resumeFrom }),
      }),
    onLoss: ({ iteration }) => post({ kind: 'deviceLost', iteration }),
  })
  const digitsDue = atMostEvery(digitsInterval)
  try {
    for await (const step of run) {
      const reason = threadFailure(run.placement.backend)
      if (reason !== undefined) post({ kind: 'threadsFailed', reason })
      const record = { ...step, seconds: step.seconds - gate.pausedSeconds }
      const isLast = step.iteration === choices.iterations
      const latest = digitsDue() || isLast ? await reconstructLatest(run, digitCount) : undefined
      post({ kind: 'step', step: record, ...(latest === undefined ? {} : { digits: digitImages(latest) }) })
      if (!isLast) await gate.hold()
    }
    post({ kind: 'finished' })
  } finally {
    run.dispose()
    run.placement.backend.dispose()
  }
}

const digitImages = ({ originals, outputs }: Reconstructions): DigitImages => ({
  originals: originals.data as Float32Array,
  outputs: outputs.data as Float32Array,
})

/** Says whether it is time again. */
function atMostEvery(milliseconds: number): () => boolean {
  let last = -Infinity
  return () => {
    const now = performance.now()
    if (now - last < milliseconds) return false
    last = now
    return true
  }
}

/** Posts progress now and then, with all points of the model since the last time. */
function progressPoster(post: (message: WorkerMessage) => void): (progress: Progress) => void {
  const isDue = atMostEvery(progressInterval)
  let points: ModelPoint[] = []
  let iteration = 0
  return (progress) => {
    if (progress.iteration !== iteration) points = []
    iteration = progress.iteration
    if (progress.phase === 'conjugateGradient') {
      points.push([progress.conjugateGradientIteration, progress.modelValue])
    }
    if (!isDue() && progress.phase !== 'backtracking') return
    post({ kind: 'progress', progress, points })
    points = []
  }
}
