/**
 * Where an optimiser is within a step, in words and as a share: for the line in a terminal and the bar on a page.
 */
import type { Progress } from '@hessian-free/hf'
import { formatNumber } from '../terminal/numberFormat.ts'

export interface ProgressDescription {
  readonly phase: string
  readonly value: number
  /** For conjugate gradients the most iterations there can be; they usually end earlier. */
  readonly total: number
  readonly detail: string
}

export function describeProgress(progress: Progress): ProgressDescription {
  switch (progress.phase) {
    case 'gradient':
    case 'preconditioner':
      return { phase: progress.phase, value: progress.cases, total: progress.of, detail: 'cases' }
    case 'conjugateGradient': {
      const detail = `model ${formatNumber(progress.modelValue)}  residual ${formatNumber(progress.residualNorm, 3)}`
      const { conjugateGradientIteration: value, maximumIterations: total } = progress
      return { phase: 'conjugate gradients', value, total, detail }
    }
    case 'backtracking':
    case 'lineSearch': {
      const phase = progress.phase === 'backtracking' ? 'backtracking' : 'line search'
      return { phase, value: 1, total: 1, detail: `held-out loss ${formatNumber(progress.heldOutLoss, 6)}` }
    }
  }
}
