/**
 * The page: owns the worker, keeps the state that its messages lead to, and draws it at most a few times a second, so
 * that neither short steps nor long ones make it sluggish.
 */
import { createControls } from './controls.ts'
import { createCurves } from './curves.ts'
import type { Abscissa } from './curves.ts'
import { createDigitGallery } from './digitGallery.ts'
import type { PageMessage, RunChoices, WorkerMessage } from './messages.ts'
import { pageElement } from './pageElements.ts'
import { createPauseSwitch } from './pauseGate.ts'
import type { PauseSwitch } from './pauseGate.ts'
import { advance, idle, pauseRequested, started } from './runState.ts'
import type { RunState } from './runState.ts'
import { createStatusView } from './statusView.ts'
import { createStepRows } from './stepRows.ts'

/** Milliseconds between drawings of the curves; text and bars follow every frame. */
const curveInterval = 200

let state: RunState = idle
let running: { readonly worker: Worker; readonly pause: PauseSwitch } | undefined

const controls = createControls({
  start: (choices) => start(choices),
  setPaused: (paused) => {
    running?.pause.set(paused)
    update(pauseRequested(state, paused))
  },
  reset: () => {
    stopWorker()
    update(idle)
  },
})
const status = createStatusView()
const gallery = createDigitGallery(pageElement('digits', HTMLOListElement))
const curves = createCurves()
const rows = createStepRows()
const abscissa = (): Abscissa => (pageElement('against-work', HTMLInputElement).checked ? 'work' : 'seconds')

function start(choices: RunChoices): void {
  stopWorker()
  const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' })
  const post = (message: PageMessage): void => worker.postMessage(message)
  const pause = createPauseSwitch(post)
  running = { worker, pause }
  update(started(choices))
  worker.addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
    if (running?.worker !== worker) return
    update(advance(state, data))
    if (data.kind === 'finished' || data.kind === 'failed') stopWorker()
  })
  worker.addEventListener('error', ({ message }) => {
    if (running?.worker !== worker) return
    const reason = message === '' ? 'its script could not be loaded; reload the page' : message
    update(advance(state, { kind: 'failed', message: `The worker failed: ${reason}` }))
    stopWorker()
  })
  const shared = pause.shared === undefined ? {} : { sharedPause: pause.shared }
  post({ kind: 'start', choices, ...shared })
}

function stopWorker(): void {
  running?.worker.terminate()
  running = undefined
}

let isScheduled = false
let curvesDrawn = -Infinity
let curvesOf: RunState | undefined

function update(next: RunState): void {
  state = next
  if (isScheduled) return
  isScheduled = true
  requestAnimationFrame(draw)
}

function draw(now: number): void {
  isScheduled = false
  controls.show(state)
  status.show(state)
  gallery.show(state.digits)
  rows.show(state)
  if (
    curvesOf?.steps === state.steps &&
    curvesOf.model === state.model &&
    curvesOf.initial === state.initial
  ) {
    return
  }
  if (now - curvesDrawn >= curveInterval) drawCurves(now)
  else setTimeout(() => update(state), curveInterval)
}

function drawCurves(now: number): void {
  curvesDrawn = now
  curvesOf = state
  curves.show(state, abscissa())
}

pageElement('loss-axis', HTMLFieldSetElement).addEventListener('change', () => drawCurves(performance.now()))
drawCurves(performance.now())
update(state)
