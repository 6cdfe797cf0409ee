// Oracle: the recurrences of the papers, written out in plain numbers for one parameter and one case.
import { ArgumentError, createReferenceBackend, hostArray, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { adam } from './adam.ts'
import { squaredError } from './losses/squaredError.ts'
import type { Minimisation, StepRecord } from './minimisation.ts'
import { stochasticGradientDescent } from './stochasticGradientDescent.ts'

const backend = createReferenceBackend()
const problem = { model: ({ a }: { a: Tensor }, x: Tensor) => x.multiply(a), loss: squaredError() }
const start = (): { a: Tensor } => ({ a: tensor(hostArray(Float64Array.of(3), [1]), { backend }) })
// One case x = 2, t = 1: f(a) = ½ (2a − 1)², f' = 2 (2a − 1).
const data = { inputs: hostArray(Float64Array.of(2), [1, 1]), targets: hostArray(Float64Array.of(1), [1, 1]) }
const slope = (a: number): number => 2 * (2 * a - 1)

async function last(run: Minimisation<{ a: Tensor }, StepRecord>): Promise<number> {
  let steps = 0
  for await (const { iteration } of run) steps = iteration
  expect(steps).toBe(5)
  return run.parameters().a.itemSync()
}

describe('first-order methods', () => {
  it("follow Nesterov's recurrence", async () => {
    let [a, v] = [3, 0]
    for (let i = 0; i < 5; i++) {
      v = 0.8 * v - 0.05 * slope(a + 0.8 * v)
      a += v
    }
    const run = stochasticGradientDescent(problem, { learningRate: 0.05, momentum: 0.8, batch: 1 })
    expect(await last(run.minimise(start(), { data, heldOut: data, iterations: 5 }))).toBeCloseTo(a, 12)
  })

  it("follow Adam's", async () => {
    let [a, m, v] = [3, 0, 0]
    for (let i = 1; i <= 5; i++) {
      const g = slope(a)
      m = 0.9 * m + 0.1 * g
      v = 0.99 * v + 0.01 * g * g
      a -= (0.1 * (m / (1 - 0.9 ** i))) / (Math.sqrt(v / (1 - 0.99 ** i)) + 1e-8)
    }
    const run = adam(problem, { learningRate: 0.1, secondDecay: 0.99, batch: 1 })
    expect(await last(run.minimise(start(), { data, heldOut: data, iterations: 5 }))).toBeCloseTo(a, 12)
  })

  it('refuse settings out of range, naming them', () => {
    expect(() => adam(problem, { learningRate: 0 })).toThrow(ArgumentError)
    expect(() => stochasticGradientDescent(problem, { momentum: 1 })).toThrow(/momentum 1/)
    const run = adam(problem, { batch: 0 })
    expect(() => run.minimise(start(), { data, heldOut: data })).toThrow(/batch must be a positive integer/)
  })
})
