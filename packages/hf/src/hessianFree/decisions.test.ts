// Oracles: the rules of the algorithm applied again to the numbers that the step records give.
import { ArgumentError, NumericalError, createReferenceBackend, hostArray } from '@hessian-free/tensor'
import type { HostArray, Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { squaredError } from '../losses/squaredError.ts'
import { fixedSampling } from '../sampling/fixed.ts'
import { smallLayers, tanhNetwork, uniformArray } from '../testing/smallProblem.ts'
import { hessianFree } from './hessianFree.ts'
import type { HessianFreeOptions } from './options.ts'
import type { Preconditioning } from './preconditioning.ts'
import { diagonalPreconditioning, lbfgsPreconditioning, noPreconditioning } from './preconditioning.ts'
import type { HessianFreeStep } from './stepRecord.ts'

const backend = createReferenceBackend()
const widths = [3, 4, 2]
const problem = { model: tanhNetwork, loss: squaredError() }

/** Targets `shift` away from a smooth map, so that held-out data can disagree with training data. */
function data(cases: number, seed: number, shift = 0): { inputs: HostArray; targets: HostArray } {
  const inputs = uniformArray(seed, [cases, 3])
  const targets = Float64Array.from({ length: 2 * cases }, (_, i) => {
    const [a, b, c] = inputs.data.slice(3 * (i >> 1), 3 * (i >> 1) + 3)
    return (i % 2 === 0 ? a * b + 1 : Math.sin(2 * c) - 1) + shift
  })
  return { inputs, targets: hostArray(targets, [cases, 2]) }
}

interface Observed {
  readonly step: HessianFreeStep
  /** Parameters before and after the step, leaf after leaf. */
  readonly before: readonly number[]
  readonly after: readonly number[]
}

async function observe(options: HessianFreeOptions, iterations: number, shift = 0): Promise<Observed[]> {
  const run = hessianFree(problem, {
    chunkLength: 30,
    maximumConjugateGradientIterations: 20,
    ...options,
  }).minimise(smallLayers(backend, widths), { data: data(30, 1), heldOut: data(20, 2, shift), iterations })
  const numbers = async (): Promise<number[]> =>
    (await run.snapshot()).flatMap(({ data: values }): number[] => [...values])
  let before = await numbers()
  const all: Observed[] = []
  for await (const step of run) {
    const after = await numbers()
    all.push({ step, before, after })
    before = after
  }
  run.dispose()
  return all
}

const previousLoss = (all: readonly Observed[], i: number): number => all[i - 1].step.heldOutLoss

describe.each(['damped', 'undamped'] as const)('the %s reduction ratio', (ratio) => {
  it('and the damping that follows can be derived again from the records and the parameters', async () => {
    const all = await observe({ damping: 0.5, ratio, preconditioning: noPreconditioning() }, 8)
    let checked = 0
    all.slice(1).forEach(({ step, before, after }, index) => {
      const { damping, conjugateGradient, lineSearch, reductionRatio, nextDamping } = step
      const factor = reductionRatio > 0.75 ? 2 / 3 : reductionRatio >= 0.25 ? 1 : 3 / 2
      expect(nextDamping).toBeCloseTo(damping * factor, 12)
      expect(damping).toBe(all[index].step.nextDamping)
      if (!step.accepted || lineSearch.rate !== 1) return
      const squaredNorm = after.reduce((sum, value, j) => sum + (value - before[j]) ** 2, 0)
      const promised =
        conjugateGradient.chosenModelValue - (ratio === 'undamped' ? 0.5 * damping * squaredNorm : 0)
      expect(reductionRatio).toBeCloseTo((step.heldOutLoss - previousLoss(all, index + 1)) / promised, 8)
      checked++
    })
    expect(checked).toBeGreaterThanOrEqual(3)
  })
})

describe('rejected steps', () => {
  /** Held-out data that soon disagrees with the training data. */
  const shift = 0.6

  it('keep the parameters bit for bit, count as −∞, and raise the damping by 3/2', async () => {
    const all = await observe({ damping: 0.05 }, 10, shift)
    const rejected = all.filter(({ step }) => !step.accepted)
    expect(rejected.length).toBeGreaterThanOrEqual(2)
    expect(all.length - rejected.length).toBeGreaterThanOrEqual(1)
    for (const { step, before, after } of rejected) {
      expect(after).toEqual(before)
      expect(step.reductionRatio).toBe(-Infinity)
      expect(step.nextDamping).toBeCloseTo(1.5 * step.damping, 12)
      expect(step.lineSearch).toEqual({ outcome: 'notReached', rate: 0 })
    }
    for (const { step, before, after } of all.filter(({ step: { accepted } }) => accepted)) {
      expect(after).not.toEqual(before)
      expect(step.lineSearch.rate).toBeGreaterThan(0)
    }
    all.slice(1).forEach(({ step }, i) => {
      if (step.accepted) expect(step.heldOutLoss).toBeLessThan(previousLoss(all, i + 1))
      else expect(step.heldOutLoss).toBe(previousLoss(all, i + 1))
    })
  })

  it('are followed by a cold start: a warm one costs a product more than it has iterations', async () => {
    const all = await observe({ damping: 0.05, preconditioning: noPreconditioning() }, 10, shift)
    const extra = ({ step: { conjugateGradient: cg } }: Observed): number => cg.products - cg.iterations
    expect(extra(all[0])).toBe(0)
    const seen = new Set<boolean>()
    all.slice(1).forEach((observed, i) => {
      const warm = all[i].step.accepted
      seen.add(warm)
      expect(extra(observed)).toBe(warm ? 1 : 0)
    })
    expect(seen.size).toBe(2)
    const cold = await observe({ damping: 0.5, warmStart: 0, preconditioning: noPreconditioning() }, 4)
    expect(cold.map(extra)).toEqual([0, 0, 0, 0])
  })

  it('make the preconditioner forget after two in a row, and every run has a beginning and an end', async () => {
    const events: string[] = []
    const dampings: number[] = []
    const watching: Preconditioning = {
      name: 'lbfgs',
      start: () => ({
        begin: ({ damping }) => {
          events.push('begin')
          dampings.push(damping)
          return Promise.resolve(undefined)
        },
        end: (reason) => void events.push(reason === 'aborted' ? 'aborted' : 'end'),
        forget: () => void events.push('forget'),
        gradientCases: 0,
        dispose: () => void events.push('dispose'),
      }),
    }
    const all = await observe({ damping: 0.05, preconditioning: watching }, 10, shift)
    let inARow = 0
    const wanted = all.flatMap(({ step: { accepted } }) => {
      inARow = accepted ? 0 : inARow + 1
      return ['begin', 'end', ...(inARow >= 2 ? ['forget'] : [])]
    })
    expect(events).toEqual([...wanted, 'dispose'])
    expect(wanted).toContain('forget')
    expect(dampings).toEqual(all.map(({ step: { damping } }) => damping))
  })
})

describe('the work of a run', () => {
  it.each([noPreconditioning(), diagonalPreconditioning(), lbfgsPreconditioning({ pairs: 4 })])(
    'is the sum of what the steps record, with $name preconditioning',
    async (preconditioning) => {
      const all = await observe(
        {
          damping: 0.5,
          preconditioning,
          gradientSample: fixedSampling({ cases: 24 }),
          curvatureSample: fixedSampling({ cases: 9 }),
        },
        3,
      )
      const sum = (of: (step: HessianFreeStep) => number): number =>
        all.reduce((total, { step }) => total + of(step), 0)
      const work = all[2].step.work
      expect(sum((step) => step.gradientCases)).toBe(3 * 24)
      expect(work.gradientCases).toBe(3 * 24 * (preconditioning.name === 'diagonal' ? 2 : 1))
      expect(work.linearizedCases).toBe(3 * 9)
      expect(work.products).toBe(sum((step) => step.conjugateGradient.products))
      expect(work.productCases).toBe(9 * work.products)
      expect(work.lossCases % 20).toBe(0)
      expect(work.lossCases).toBeGreaterThanOrEqual(20 * (1 + 3))
    },
  )
})

describe('device memory is given back', () => {
  const lossOf = (model: typeof tanhNetwork) =>
    hessianFree({ model, loss: squaredError() }, { damping: 0.05 })
  const failing = (p: Parameters<typeof tanhNetwork>[0], x: Tensor): Tensor =>
    tanhNetwork(p, x).add(x.square().sum().negate().sqrt())

  it.each([
    ['steps were rejected', tanhNetwork, 10, Infinity],
    ['the loop was left early', tanhNetwork, 10, 2],
    ['a step failed', failing, 10, Infinity],
  ])('after a run in which %s', async (_, model, iterations, leaveAfter) => {
    // A backend of its own, so that no finaliser of another test can disturb the count.
    const own = createReferenceBackend()
    const initial = smallLayers(own, widths)
    const before = own.memory().liveBuffers
    const run = lossOf(model).minimise(initial, { data: data(30, 1), heldOut: data(20, 2, 0.6), iterations })
    const steps: HessianFreeStep[] = []
    const go = async (): Promise<void> => {
      for await (const step of run) if (steps.push(step) === leaveAfter) break
    }
    await go().catch((error: unknown) => {
      expect(error).toBeInstanceOf(NumericalError)
    })
    run.dispose()
    expect(own.memory().liveBuffers).toBe(before)
    expect(steps).toHaveLength(model === failing ? 0 : Math.min(iterations, leaveAfter))
    if (steps.length === 10) expect(new Set(steps.map(({ accepted }) => accepted)).size).toBe(2)
    expect(initial.some(({ w, b }) => w.isDisposed || b.isDisposed)).toBe(false)
  })
})

describe('what cannot be optimised is refused', () => {
  const start = (model: typeof tanhNetwork, heldOut = data(20, 2)) =>
    hessianFree({ model, loss: squaredError() }, { chunkLength: 30 }).minimise(smallLayers(backend, widths), {
      data: data(30, 1),
      heldOut,
    })
  const consume = async (steps: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of steps) expect(_).toBeDefined()
  }

  it('a training loss that is NaN, naming the iteration', async () => {
    const model = (p: Parameters<typeof tanhNetwork>[0], x: Tensor): Tensor =>
      tanhNetwork(p, x).add(x.square().sum().negate().sqrt())
    const failure = consume(start(model))
    await expect(failure).rejects.toThrow(NumericalError)
    await expect(failure).rejects.toThrow(
      /iteration 1: training loss and gradient must be finite; found loss NaN/,
    )
  })

  it('held-out data with NaN, naming the case', async () => {
    const heldOut = data(20, 2)
    heldOut.targets.data[15] = NaN
    await expect(consume(start(tanhNetwork, heldOut))).rejects.toThrow(
      /targets must be finite numbers; found NaN in case 7, element 1/,
    )
  })

  it.each([
    { damping: 0 },
    { damping: NaN },
    { damping: Infinity },
    { warmStart: 1.5 },
    { maximumConjugateGradientIterations: 0 },
    { chunkLength: 2.5 },
  ])('the options %o', (options) => {
    expect(() => hessianFree(problem, options)).toThrow(ArgumentError)
  })
})
