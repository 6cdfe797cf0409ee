/**
 * The plots of a report, drawn by Observable Plot into a document without a browser; each is a string of HTML.
 */
import * as Plot from '@observablehq/plot'
import { workUnits } from '@hessian-free/hf'
import type { HessianFreeStep } from '@hessian-free/hf'
import { parseHTML } from 'linkedom'

export interface Chart {
  readonly title: string
  /** An SVG element, with a legend above it where there are two lines. */
  readonly svg: string
}

const { document } = parseHTML('<!doctype html><html><body></body></html>')

const draw = (options: Plot.PlotOptions): string => {
  const figure = Plot.plot({
    document: document,
    width: 560,
    height: 300,
    marginLeft: 60,
    grid: true,
    style: { background: 'transparent', color: 'currentColor' },
    ...options,
  })
  return figure.outerHTML
}

interface Point {
  readonly x: number
  readonly y: number
  readonly series: string
}

const series = (
  steps: readonly HessianFreeStep[],
  name: string,
  x: (s: HessianFreeStep) => number,
  y: (s: HessianFreeStep) => number,
): Point[] =>
  steps.map((step) => ({ x: x(step), y: y(step), series: name })).filter((point) => Number.isFinite(point.y))

/** Readable on white and on black. */
const colours = ['#3b82f6', '#f97316']

/** Names of the lines above the plot: beside the lines they would cover each other where lines meet. */
const legendOf = (names: readonly string[]): string =>
  names.length < 2
    ? ''
    : `<div class="legend">${names.map((name, i) => `<span style="color:${colours[i]}">● ${name}</span>`).join(' ')}</div>`

const lines = (points: readonly Point[], x: string, y: string, logarithmic: boolean): string => {
  const names = [...new Set(points.map((point) => point.series))]
  const positive = points.every((point) => point.y > 0)
  const svg = draw({
    x: { label: x },
    y: { label: y, ...(logarithmic && positive ? { type: 'log' as const, tickFormat: '~g' } : {}) },
    color: { domain: names, range: colours.slice(0, names.length) },
    marks: [
      Plot.line(points, { x: 'x', y: 'y', z: 'series', stroke: 'series' }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'series', r: 2 }),
    ],
  })
  return `${legendOf(names)}${svg}`
}

/** All plots of a run of Hessian-free optimisation. */
export function chartsOf(steps: readonly HessianFreeStep[], metric: string): Chart[] {
  const iteration = (step: HessianFreeStep): number => step.iteration
  const losses = (x: (step: HessianFreeStep) => number): Point[] => [
    ...series(steps, 'training', x, (step) => step.trainingLoss),
    ...series(steps, 'held-out', x, (step) => step.heldOutLoss),
  ]
  const work = (step: HessianFreeStep): number => workUnits(step.work) / 1e6
  return [
    {
      title: 'Loss against seconds',
      svg: lines(
        losses((step) => step.seconds),
        'seconds',
        'loss',
        true,
      ),
    },
    {
      title: 'Loss against work',
      svg: lines(losses(work), 'work (million forward passes of one case)', 'loss', true),
    },
    {
      title: `Held-out ${metric}`,
      svg: lines(
        series(steps, metric, work, (s) => s.heldOutMetric),
        'work (million forward passes of one case)',
        metric,
        true,
      ),
    },
    {
      title: 'Conjugate gradient iterations',
      svg: lines(
        [
          ...series(steps, 'run', iteration, (step) => step.conjugateGradient.iterations),
          ...series(steps, 'chosen iterate', iteration, (step) => step.conjugateGradient.chosenIterate),
        ],
        'iteration',
        'CG iterations',
        false,
      ),
    },
    {
      title: 'Damping',
      svg: lines(
        series(steps, 'λ', iteration, (step) => step.damping),
        'iteration',
        'damping λ',
        true,
      ),
    },
    {
      title: 'Sample sizes',
      svg: lines(
        [
          ...series(steps, 'gradient', iteration, (step) => step.gradientCases),
          ...series(steps, 'curvature', iteration, (step) => step.curvatureCases),
        ],
        'iteration',
        'cases',
        false,
      ),
    },
  ]
}
