/** The table of outer iterations: one aligned row per step; × marks a rejected one. */
import { casesProcessed } from '@hessian-free/hf'
import type { HessianFreeStep } from '@hessian-free/hf'
import { formatCount, formatNumber } from './numberFormat.ts'

interface Column {
  readonly title: string
  readonly width: number
  readonly cell: (step: HessianFreeStep) => string
}

export const stepColumns = (metric: string): readonly Column[] => [
  { title: 'iter', width: 5, cell: ({ iteration, accepted }) => `${iteration}${accepted ? ' ' : '×'}` },
  { title: 'train loss', width: 10, cell: ({ trainingLoss }) => trainingLoss.toFixed(4) },
  { title: 'held-out', width: 9, cell: ({ heldOutLoss }) => heldOutLoss.toFixed(4) },
  { title: metric, width: Math.max(9, metric.length), cell: ({ heldOutMetric }) => heldOutMetric.toFixed(4) },
  { title: 'λ', width: 8, cell: ({ damping }) => formatNumber(damping, 3) },
  { title: 'ρ', width: 6, cell: ({ reductionRatio }) => formatNumber(reductionRatio, 3) },
  { title: 'CG', width: 3, cell: ({ conjugateGradient }) => String(conjugateGradient.iterations) },
  { title: 'chosen', width: 6, cell: ({ conjugateGradient }) => String(conjugateGradient.chosenIterate) },
  { title: 'gradient', width: 8, cell: ({ gradientCases }) => formatCount(gradientCases) },
  { title: 'curvature', width: 9, cell: ({ curvatureCases }) => formatCount(curvatureCases) },
  { title: 'seconds', width: 7, cell: ({ seconds }) => seconds.toFixed(1) },
  { title: 'cases', width: 7, cell: ({ work }) => formatCount(casesProcessed(work)) },
]

export const formatHeading = (columns: readonly Column[]): string =>
  columns.map(({ title, width }) => title.padStart(width)).join('  ')

export const formatStep = (columns: readonly Column[], step: HessianFreeStep): string =>
  columns.map(({ cell, width }) => cell(step).padStart(width)).join('  ')
