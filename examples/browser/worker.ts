/**
 * The worker: takes the page's messages and runs the training, so that the page's own thread has nothing to compute.
 */
import type { PageMessage, WorkerMessage } from './messages.ts'
import { createPauseGate } from './pauseGate.ts'
import type { PauseGate } from './pauseGate.ts'
import { streamTraining } from './trainingStream.ts'

/** What is used of a worker's global scope; the compiler is told of the page's. */
interface WorkerScope {
  postMessage(message: WorkerMessage): void
  addEventListener(type: 'message', listener: (event: MessageEvent<PageMessage>) => void): void
}

const scope = globalThis as unknown as WorkerScope
const post = (message: WorkerMessage): void => scope.postMessage(message)
let gate: PauseGate | undefined

scope.addEventListener('message', ({ data }) => {
  if (data.kind !== 'start') {
    gate?.set(data.kind === 'pause')
    return
  }
  gate = createPauseGate(data.sharedPause, (kind) => post({ kind }))
  streamTraining(data.choices, new URL('.', import.meta.url), gate, post).catch((error: unknown) => {
    post({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  })
})
