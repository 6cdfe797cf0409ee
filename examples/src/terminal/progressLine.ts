/**
 * The live line inside an iteration: where gradient or conjugate gradients stand. Only on a terminal; elsewhere the rows
 * of the table are progress enough, and a log holds rows only.
 */
import { Presets, SingleBar } from 'cli-progress'
import type { Progress } from '@hessian-free/hf'
import { formatNumber } from './numberFormat.ts'

export interface ProgressLine {
  show(progress: Progress): void
  /** Takes the line off the screen, so that a row can be printed. */
  clear(): void
}

interface Shown {
  readonly label: string
  readonly value: number
  readonly total: number
  readonly detail: string
}

/** What the line says about a phase. */
export function describeProgress(progress: Progress): Shown {
  const label = (phase: string): string => `${String(progress.iteration).padStart(4)}  ${phase}`
  switch (progress.phase) {
    case 'gradient':
    case 'preconditioner':
      return { label: label(progress.phase), value: progress.cases, total: progress.of, detail: 'cases' }
    case 'conjugateGradient': {
      const detail = `model ${formatNumber(progress.modelValue)}  residual ${formatNumber(progress.residualNorm, 3)}`
      const { conjugateGradientIteration: value, maximumIterations: total } = progress
      return { label: label('conjugate gradients'), value, total, detail }
    }
    case 'backtracking':
    case 'lineSearch': {
      const detail = `held-out loss ${formatNumber(progress.heldOutLoss, 6)}`
      return {
        label: label(progress.phase === 'backtracking' ? 'backtracking' : 'line search'),
        value: 1,
        total: 1,
        detail,
      }
    }
  }
}

const silent: ProgressLine = { show: () => undefined, clear: () => undefined }

/** @param wanted whether there is to be a line at all. */
export function progressLine(stream: NodeJS.WriteStream, wanted: boolean): ProgressLine {
  if (!wanted || !stream.isTTY) return silent
  let bar: SingleBar | undefined
  return {
    show: (progress) => {
      const { label, value, total, detail } = describeProgress(progress)
      const payload = { label: label.padEnd(26), detail }
      if (bar === undefined) {
        const format = '{label} {bar} {value}/{total}  {detail}'
        bar = new SingleBar(
          { format, barsize: 24, stream, clearOnComplete: true, gracefulExit: false, fps: 12 },
          Presets.shades_classic,
        )
        bar.start(total, value, payload)
      } else {
        bar.setTotal(total)
        bar.update(value, payload)
      }
    },
    clear: () => {
      bar?.stop()
      bar = undefined
    },
  }
}
