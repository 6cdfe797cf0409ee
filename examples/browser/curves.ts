/**
 * The curves of a run: losses against seconds or work, damping, conjugate gradients, samples, and the quadratic model
 * inside the step under way.
 */
import { noWork, workUnits } from '@hessian-free/hf'
import type { HessianFreeStep, StepRecord } from '@hessian-free/hf'
import { createChart } from './lineChart.ts'
import type { ChartPoint } from './lineChart.ts'
import { pageElement } from './pageElements.ts'
import type { RunState } from './runState.ts'

/** What losses are drawn against. */
export type Abscissa = 'seconds' | 'work'

export interface Curves {
  show(state: RunState, against: Abscissa): void
}

const abscissae: Readonly<
  Record<Abscissa, { label: string; of: (r: Pick<StepRecord, Abscissa>) => number }>
> = {
  seconds: { label: 'seconds of training', of: ({ seconds }) => seconds },
  work: { label: 'work (million forward passes of one case)', of: ({ work }) => workUnits(work) / 1e6 },
}

const beginning: Pick<StepRecord, Abscissa> = { seconds: 0, work: noWork }
const smallHeight = 170

export function createCurves(): Curves {
  const chart = (id: string) => createChart(pageElement(id, HTMLDivElement))
  const losses = chart('chart-loss')
  const damping = chart('chart-damping')
  const solver = chart('chart-solver')
  const samples = chart('chart-samples')
  const model = chart('chart-model')

  return {
    show: (state, against) => {
      const { steps } = state
      const { label, of } = abscissae[against]
      losses.show({
        series: [
          {
            name: 'training',
            colour: 'var(--first)',
            // The training loss of a step is that of the parameters before it.
            points: steps.map((step, i) => ({ x: of(steps[i - 1] ?? beginning), y: step.trainingLoss })),
          },
          {
            name: 'held-out',
            colour: 'var(--second)',
            points: [
              ...(state.initial === undefined ? [] : [{ x: 0, y: state.initial.heldOutLoss }]),
              ...steps.map((step) => ({ x: of(step), y: step.heldOutLoss })),
            ],
          },
        ],
        xLabel: label,
        yLabel: 'loss per image',
        height: 330,
        logarithmic: true,
        description: describe('Training and held-out loss', steps, ({ heldOutLoss }) => heldOutLoss),
      })

      const perIteration = (y: (step: HessianFreeStep) => number): ChartPoint[] =>
        steps.map((step) => ({ x: step.iteration, y: y(step) }))
      const shared = { xLabel: 'iteration', height: smallHeight, countsX: true }
      damping.show({
        ...shared,
        series: [{ name: 'λ', colour: 'var(--first)', points: perIteration((step) => step.damping) }],
        yLabel: 'λ',
        logarithmic: true,
        description: describe('Damping', steps, (step) => step.damping),
      })
      solver.show({
        ...shared,
        series: [
          {
            name: 'run',
            colour: 'var(--first)',
            points: perIteration((step) => step.conjugateGradient.iterations),
          },
          {
            name: 'chosen',
            colour: 'var(--second)',
            points: perIteration((step) => step.conjugateGradient.chosenIterate),
          },
        ],
        yLabel: 'CG iterations',
        zero: true,
        description: describe(
          'Iterations of conjugate gradients',
          steps,
          (s) => s.conjugateGradient.iterations,
        ),
      })
      samples.show({
        ...shared,
        series: [
          { name: 'gradient', colour: 'var(--first)', points: perIteration((step) => step.gradientCases) },
          { name: 'curvature', colour: 'var(--second)', points: perIteration((step) => step.curvatureCases) },
        ],
        yLabel: 'images',
        zero: true,
        description: describe('Images for the gradient', steps, (step) => step.gradientCases),
      })
      model.show({
        ...shared,
        series: [
          {
            name: 'quadratic model',
            colour: 'var(--first)',
            points: state.model.points.map(([x, y]) => ({ x, y })),
          },
        ],
        xLabel: 'CG iteration',
        yLabel: 'φ(d)',
        description: `The quadratic model along the conjugate gradients of iteration ${state.model.iteration}`,
      })
    },
  }
}

function describe(
  what: string,
  steps: readonly HessianFreeStep[],
  value: (step: HessianFreeStep) => number,
): string {
  const last = steps.at(-1)
  if (last === undefined) return `${what}: nothing yet`
  const [from, to] = [value(steps[0]), value(last)].map((number) => Number(number.toPrecision(4)))
  return `${what}: ${from} in iteration 1, ${to} in iteration ${last.iteration}`
}
