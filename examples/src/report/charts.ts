/**
 * The plots of a report, drawn by Observable Plot into a document without a browser; each is an SVG string.
 */
import * as Plot from '@observablehq/plot'
import { workUnits } from '@hessian-free/hf'
import type { HessianFreeStep } from '@hessian-free/hf'
import { parseHTML } from 'linkedom'

export interface Chart {
  readonly title: string
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

const lines = (points: readonly Point[], x: string, y: string, logarithmic: boolean): string =>
  draw({
    x: { label: x },
    y: { label: y, ...(logarithmic && points.every((point) => point.y > 0) ? { type: 'log' as const } : {}) },
    color: {
      legend: false,
      domain: [...new Set(points.map((point) => point.series))],
      scheme: 'observable10',
    },
    marks: [
      Plot.line(points, { x: 'x', y: 'y', z: 'series', stroke: 'series' }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'series', r: 2 }),
      Plot.text(
        points,
        Plot.selectLast({
          x: 'x',
          y: 'y',
          z: 'series',
          text: 'series',
          fill: 'series',
          dy: -8,
          textAnchor: 'end',
        }),
      ),
    ],
  })

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
