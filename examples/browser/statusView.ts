/**
 * Words and numbers: where the run stands, what computes, what went wrong, and the figures of the latest step.
 */
import { workUnits } from '@hessian-free/hf'
import { formatCount, formatNumber } from '../src/terminal/numberFormat.ts'
import { describeProgress } from '../src/training/describeProgress.ts'
import { pageElement, setText } from './pageElements.ts'
import type { RunState } from './runState.ts'

export interface StatusView {
  show(state: RunState): void
}

export function createStatusView(): StatusView {
  const status = pageElement('status', HTMLParagraphElement)
  const device = pageElement('device', HTMLParagraphElement)
  const notice = pageElement('notice', HTMLParagraphElement)
  const failure = pageElement('failure', HTMLDivElement)
  const failureText = pageElement('failure-text', HTMLParagraphElement)
  const stepBar = pageElement('step-bar', HTMLProgressElement)
  const phaseBar = pageElement('phase-bar', HTMLProgressElement)
  const phaseName = pageElement('phase-name', HTMLLabelElement)
  const phaseDetail = pageElement('phase-detail', HTMLSpanElement)
  const figure = (name: string): HTMLElement => pageElement(`figure-${name}`, HTMLElement)
  const figures = {
    iteration: figure('iteration'),
    loss: figure('loss'),
    metric: figure('metric'),
    seconds: figure('seconds'),
    work: figure('work'),
  }
  const metricName = pageElement('metric-name', HTMLElement)

  return {
    show: (state) => {
      document.body.dataset['phase'] = state.phase
      setText(status, statusLine(state))
      setText(device, state.device === undefined ? '' : `Computing with ${state.device}`)
      notice.hidden = state.notice === undefined
      setText(notice, state.notice ?? '')
      failure.hidden = state.failure === undefined
      setText(failureText, state.failure ?? '')

      const last = state.steps.at(-1)
      const total = state.choices?.iterations ?? 1
      stepBar.max = total
      stepBar.value = state.steps.length
      const { name, detail, value, max } = phaseLine(state)
      setText(phaseName, name)
      setText(phaseDetail, detail)
      phaseBar.max = max
      phaseBar.value = value

      setText(figures.iteration, state.choices === undefined ? '–' : `${state.steps.length} / ${total}`)
      const evaluation = last ?? state.initial
      setText(figures.loss, evaluation === undefined ? '–' : evaluation.heldOutLoss.toFixed(2))
      setText(figures.metric, evaluation === undefined ? '–' : evaluation.heldOutMetric.toFixed(2))
      setText(figures.seconds, last === undefined ? '–' : `${last.seconds.toFixed(1)} s`)
      setText(figures.work, last === undefined ? '–' : formatCount(workUnits(last.work)))
      setText(metricName, `Held-out ${state.metric}`)
    },
  }
}

function statusLine({ phase, isPausing, loaded, settings, steps }: RunState): string {
  switch (phase) {
    case 'idle':
      return 'Ready. Nothing leaves this page: data and training stay on your machine.'
    case 'starting':
      if (loaded !== undefined) return `Reading the MNIST images: ${loaded.toFixed(0)} MB`
      return settings === undefined ? 'Starting …' : 'Evaluating the initial network …'
    case 'running':
      return isPausing ? 'Pausing …' : 'Training.'
    case 'paused':
      return `Paused after ${count(steps.length)}.`
    case 'finished':
      return `Finished after ${count(steps.length)}.`
    case 'failed':
      return `Stopped by an error after ${count(steps.length)}.`
  }
}

const count = (steps: number): string => `${steps} ${steps === 1 ? 'iteration' : 'iterations'}`

function phaseLine({ progress }: RunState): { name: string; detail: string; value: number; max: number } {
  if (progress === undefined) return { name: 'Within the iteration', detail: '', value: 0, max: 1 }
  const { phase, value, total, detail } = describeProgress(progress)
  const name = `${phase[0].toUpperCase()}${phase.slice(1)}`
  if (progress.phase === 'conjugateGradient') {
    return {
      name,
      detail: `iteration ${value} of at most ${total}, residual ${formatNumber(progress.residualNorm, 3)}`,
      value,
      max: total,
    }
  }
  const cases = `${formatCount(value)} of ${formatCount(total)} cases`
  return { name, detail: detail === 'cases' ? cases : detail, value, max: total }
}
