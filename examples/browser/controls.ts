/**
 * The form: what to train and on what, and the buttons that begin, pause and end it. An address such as
 * `?preset=tiny&backend=wasm` chooses beforehand.
 */
import { presetNames } from '../src/examples/example.ts'
import type { PresetName } from '../src/examples/example.ts'
import { mnistAutoencoder } from '../src/examples/mnistAutoencoder.ts'
import { preconditioners } from '../src/optimiserChoices.ts'
import type { PreconditionerName } from '../src/optimiserChoices.ts'
import { formatCount } from '../src/terminal/numberFormat.ts'
import { backendNames } from './messages.ts'
import type { RunChoices } from './messages.ts'
import { pageElement, setText } from './pageElements.ts'
import type { RunState } from './runState.ts'

export interface ControlActions {
  start(choices: RunChoices): void
  setPaused(paused: boolean): void
  reset(): void
}

export interface Controls {
  show(state: RunState): void
}

const mostIterations = 1000
const mostThreads = 64

export function createControls(actions: ControlActions): Controls {
  const form = pageElement('controls', HTMLFormElement)
  const fields = pageElement('choices', HTMLFieldSetElement)
  const preset = pageElement('preset', HTMLSelectElement)
  const preconditioner = pageElement('preconditioner', HTMLSelectElement)
  const backend = pageElement('backend', HTMLSelectElement)
  const threads = pageElement('threads', HTMLInputElement)
  const threadsHint = pageElement('threads-hint', HTMLParagraphElement)
  const iterations = pageElement('iterations', HTMLInputElement)
  const hint = pageElement('preset-hint', HTMLParagraphElement)
  const primary = pageElement('primary', HTMLButtonElement)
  const reset = pageElement('reset', HTMLButtonElement)
  let state: RunState | undefined

  const presetName = (): PresetName => oneOf(presetNames, preset.value)
  const showPreset = (): void => {
    const { widths, trainingCases } = mnistAutoencoder.presets[presetName()]
    setText(hint, `${widths.join(' – ')} units, ${formatCount(trainingCases)} training images`)
  }
  const suggestIterations = (): void => {
    iterations.value = String(mnistAutoencoder.presets[presetName()].iterations)
  }

  // Threads share memory, which a page gets where it is isolated; and a GPU takes no notice of them.
  const showThreads = (): void => {
    threads.disabled = !crossOriginIsolated || backend.value === 'gpu'
    threadsHint.hidden = crossOriginIsolated
  }

  backend.addEventListener('change', showThreads)
  preset.addEventListener('change', () => {
    showPreset()
    suggestIterations()
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (state?.phase === 'running' || state?.phase === 'starting') actions.setPaused(!state.isPausing)
    else if (state?.phase === 'paused') actions.setPaused(false)
    else {
      actions.start({
        preset: presetName(),
        preconditioner: oneOf(Object.keys(preconditioners) as PreconditionerName[], preconditioner.value),
        backend: oneOf(backendNames, backend.value),
        ...(threads.disabled || threads.value === '' ? {} : { threads: threads.valueAsNumber }),
        iterations: iterations.valueAsNumber,
      })
    }
  })
  reset.addEventListener('click', () => actions.reset())

  const asked = new URLSearchParams(location.search)
  for (const select of [preset, preconditioner, backend]) {
    const value = asked.get(select.id)
    if ([...select.options].some((option) => option.value === value)) select.value = value ?? select.value
  }
  threads.max = String(mostThreads)
  iterations.max = String(mostIterations)
  suggestIterations()
  for (const input of [threads, iterations]) {
    const wanted = asked.get(input.id) ?? ''
    if (/^[1-9]\d*$/.test(wanted) && Number(wanted) <= Number(input.max)) input.value = wanted
  }
  showThreads()
  showPreset()

  return {
    show: (next) => {
      state = next
      const isIdle = next.phase === 'idle'
      const hasEnded = next.phase === 'finished' || next.phase === 'failed'
      fields.disabled = !isIdle && !hasEnded
      reset.disabled = isIdle
      setText(primary, primaryLabel(next))
      primary.dataset['action'] = next.phase === 'running' || next.phase === 'starting' ? 'pause' : 'go'
    },
  }
}

function primaryLabel({ phase, isPausing }: RunState): string {
  switch (phase) {
    case 'idle':
      return 'Start'
    case 'starting':
    case 'running':
      return isPausing ? 'Pausing …' : 'Pause'
    case 'paused':
      return 'Resume'
    case 'finished':
    case 'failed':
      return 'Start again'
  }
}

/** The name a select holds; its options in index.html are these names. */
function oneOf<Name extends string>(names: readonly Name[], value: string): Name {
  const name = names.find((candidate) => candidate === value)
  if (name !== undefined) return name
  throw new Error(`index.html offers '${value}', which is none of ${names.join(', ')}`)
}
