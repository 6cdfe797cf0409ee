// When the host reads changes nothing but waits and waste. Oracle: the same run on a backend that is read in step.
import { createReferenceBackend, createWasmBackend, jit, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from './conjugateGradient.ts'
import type { ConjugateGradientOptions } from './conjugateGradient.ts'
import type { LinearOperator } from './conjugateGradientRun.ts'
import { disposePair } from './curvaturePair.ts'
import { residualReduction } from './stopRules/residualReduction.ts'
import type { StopReason, StopRule } from './stopRules/stopRule.ts'
import { lateBackend } from './testing/lateBackend.ts'
import type { Matrix } from './testing/linearSystems.ts'
import { diagonalMatrix, normals, randomSpd, randomVector, range } from './testing/linearSystems.ts'

const n = 20
const product = jit((a: Tensor, v: Tensor) => a.dot(v), { name: 'product' })
const scaled = jit((v: Tensor, by: Tensor) => v.multiply(by), { name: 'scaled' })
const at = (iteration: number): StopRule => ({
  name: `at ${iteration}`,
  reason: 'custom',
  shouldStop: (history) => history.length >= iteration,
})

/** How a run goes, told without a backend; `turn` is an iteration at which something happens. */
interface Scenario {
  readonly name: string
  readonly reason: StopReason
  readonly options?: (turn: number) => ConjugateGradientOptions
  readonly matrix?: (seed: number) => Matrix
  readonly b?: (b: number[]) => number[]
  /** Multiple of b to start from. */
  readonly warmStart?: number
  /** Factor of the operator's and of the preconditioner's result in their call number `turn`. */
  readonly productFactor?: number
  readonly solveFactor?: number
  readonly abortsAt?: (turn: number) => number
}

/** Nothing else ends the run before something happens to it. */
const untilThen = { options: () => ({ stop: [] }) }
const identity = diagonalMatrix(range(n).map(() => 2))
const scenarios: readonly Scenario[] = [
  { name: 'relative progress', reason: 'relativeProgress' },
  {
    name: 'residual',
    reason: 'residual',
    options: () => ({ stop: [residualReduction({ relative: 1e-2 })] }),
  },
  { name: 'a rule at any iteration', reason: 'custom', options: (turn) => ({ stop: [at(turn)] }) },
  {
    name: 'the limit',
    reason: 'maximumIterations',
    options: (turn) => ({ maximumIterations: turn, stop: [] }),
  },
  { name: 'convergence', reason: 'converged', matrix: () => identity },
  { name: 'nothing to do', reason: 'converged', b: (b) => b.map(() => 0) },
  { name: 'NaN to begin with', reason: 'notFinite', b: (b) => [NaN, ...b.slice(1)] },
  { name: 'NaN in a product', reason: 'notFinite', productFactor: NaN, ...untilThen },
  { name: 'an infinite product', reason: 'notFinite', productFactor: Infinity, ...untilThen },
  { name: 'negative curvature', reason: 'negativeCurvature', productFactor: -1, ...untilThen },
  { name: 'an indefinite preconditioner', reason: 'indefinitePreconditioner', solveFactor: -1, ...untilThen },
  { name: 'an abort', reason: 'aborted', abortsAt: (turn) => turn, ...untilThen },
  { name: 'an abort before the start', reason: 'aborted', abortsAt: () => 0 },
  { name: 'a warm start', reason: 'custom', warmStart: 0.1, options: (turn) => ({ stop: [at(turn)] }) },
  { name: 'a bad warm start', reason: 'custom', warmStart: -5, options: (turn) => ({ stop: [at(turn)] }) },
  {
    name: 'a warm start of NaN',
    reason: 'custom',
    warmStart: NaN,
    options: (turn) => ({ stop: [at(turn)] }),
  },
  {
    name: 'a bad warm start that is kept',
    reason: 'custom',
    warmStart: -5,
    options: (turn) => ({ stop: [at(turn)], restartIfWorse: false }),
  },
]

interface Case {
  readonly scenario: Scenario
  readonly seed: number
  readonly turn: number
  readonly variant: 'standard' | 'flexible'
}

type Schedule = Pick<ConjugateGradientOptions, 'readInterval' | 'readLag'>

const numbers = async (x: Tensor): Promise<number[]> => [...(await x.read())]

/** All that a run hands out, with its tensors read and freed, and what it left behind and cost. */
async function outcome(backend: Backend, { scenario, seed, turn, variant }: Case, schedule: Schedule) {
  const dtype = backend.supports('float64') ? 'float64' : 'float32'
  const upload = (values: readonly number[] | Matrix): Tensor => tensor(values, { backend, dtype })
  const plain = randomVector(n, normals(seed))
  const values = scenario.b?.(plain) ?? plain
  using matrix = upload(scenario.matrix?.(seed) ?? randomSpd(n, seed, 0.1))
  using b = upload(values)
  const factor = (count: number, special: number | undefined): Tensor =>
    upload([count === turn ? (special ?? 1) : 1])
  let [products, solves] = [0, 0]
  const operator: LinearOperator = (v) => {
    using result = product(matrix, v)
    using by = factor(++products, scenario.productFactor)
    return scaled(result, by)
  }
  const preconditioner = {
    name: 'scaling',
    apply: (r: Tensor): Tensor => {
      using by = factor(++solves, scenario.solveFactor)
      return scaled(r, by)
    },
  }
  const { warmStart, abortsAt } = scenario
  const initial = warmStart === undefined ? undefined : upload(values.map((value) => warmStart * value))
  const controller = new AbortController()
  if (abortsAt?.(turn) === 0) controller.abort()
  const before = backend.memory().liveBuffers
  const seen: number[] = []
  const pairs: Promise<{ iteration: number; s: number[]; y: number[] }>[] = []
  const result = await conjugateGradient(operator, b, {
    variant,
    preconditioner,
    ...(initial === undefined ? {} : { initial }),
    ...scenario.options?.(turn),
    ...schedule,
    signal: controller.signal,
    onIteration: ({ iteration }) => {
      seen.push(iteration)
      if (abortsAt?.(turn) === iteration) controller.abort()
    },
    onPair: (pair) => {
      const reading = Promise.all([numbers(pair.s), numbers(pair.y)])
      pairs.push(reading.then(([s, y]) => ({ iteration: pair.iteration, s, y })))
      disposePair(pair)
    },
  })
  const { start, history, iterations, stopReason } = result
  const iterates = await Promise.all(
    result.iterates.map(async ({ iterate, ...stored }) => ({ ...stored, x: await numbers(iterate) })),
  )
  result.dispose()
  expect(backend.memory().liveBuffers).toBe(before)
  expect(result.products).toBe(products)
  initial?.dispose()
  return {
    products,
    handedOut: { start, history, iterations, stopReason, iterates, seen, pairs: await Promise.all(pairs) },
  }
}

const inners = { reference: () => createReferenceBackend(), wasm: () => createWasmBackend() }

describe.each(['reference', 'wasm'] as const)('reading late on a device like %s', (name) => {
  const inStep = inners[name]()
  const device = lateBackend(inners[name]())

  it.each(scenarios)('changes no number of a run that ends after $name', async (scenario) => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 1, max: 14 }),
      fc.constantFrom('standard', 'flexible'),
      fc.constantFrom(1, 2, 3, 10, 20),
      fc.constantFrom(0, 1, 2, 7, 30),
      async (seed, turn, variant, readInterval, readLag) => {
        const one: Case = { scenario, seed, turn, variant }
        const wanted = await outcome(inStep, one, {})
        const found = await outcome(device, one, { readInterval, readLag })
        expect(found.handedOut).toEqual(wanted.handedOut)
        expect(found.handedOut.stopReason).toBe(scenario.reason)
        expect(found.products - wanted.products).toBeGreaterThanOrEqual(0)
        expect(found.products - wanted.products).toBeLessThanOrEqual(readInterval - 1 + readLag)
      },
    )
    await fc.assert(property, { numRuns: 10 })
  })
})
