// Oracle: the loop over keyed permutations written out for a line a x + c, with the recurrences in plain numbers.
import {
  createReferenceBackend,
  createWasmBackend,
  foldIn,
  hostArray,
  randomKey,
  randomPermutation,
  tensor,
} from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { adam } from './adam.ts'
import { squaredError } from './losses/squaredError.ts'
import type { Progress } from './minimisation.ts'
import { stochasticGradientDescent } from './stochasticGradientDescent.ts'

const backend = createReferenceBackend()
const cases = 7
const batch = 3
const x = [0.5, -1, 2, 0.25, -0.75, 1.5, -2]
const t = x.map((value) => 2 * value - 1)
const data = {
  inputs: hostArray(Float64Array.from(x), [cases, 1]),
  targets: hostArray(Float64Array.from(t), [cases, 1]),
}
interface Line {
  readonly a: Tensor
  readonly c: Tensor
}
const problem = { model: ({ a, c }: Line, input: Tensor) => input.multiply(a).add(c), loss: squaredError() }
const decayed = { ...problem, weightDecay: 0.1 }
const start = (): Line => ({
  a: tensor([0.5], { dtype: 'float64', backend }),
  c: tensor([0.25], { dtype: 'float64', backend }),
})

/** Minibatches of the given passes, the last of each one short. */
const minibatches = (seed: number, passes: number): number[][] =>
  Array.from({ length: passes }, (_, pass) => {
    const order = [...randomPermutation(foldIn(randomKey(seed), pass), cases)]
    return [order.slice(0, 3), order.slice(3, 6), order.slice(6)]
  }).flat()

type Point = readonly [number, number]
const lossAt = ([a, c]: Point, chosen: readonly number[]): number =>
  chosen.reduce((sum, i) => sum + (0.5 * (a * x[i] + c - t[i]) ** 2) / chosen.length, 0) +
  0.05 * (a * a + c * c)
const slopeAt = ([a, c]: Point, chosen: readonly number[]): Point => {
  const residuals = chosen.map((i) => a * x[i] + c - t[i])
  return [
    chosen.reduce((sum, i, k) => sum + (residuals[k] * x[i]) / chosen.length, 0.1 * a),
    chosen.reduce((sum, _, k) => sum + residuals[k] / chosen.length, 0.1 * c),
  ]
}
const everything = x.map((_, i) => i)

describe('passes over shuffled minibatches', () => {
  it("follow Nesterov's recurrence through short minibatches and new shuffles, and report true means", async () => {
    const run = stochasticGradientDescent(decayed, {
      learningRate: 0.1,
      momentum: 0.7,
      batch,
      seed: 4,
    }).minimise(start(), { data, heldOut: data, iterations: 3 })
    const batches = minibatches(4, 3)
    let theta: Point = [0.5, 0.25]
    let velocity: Point = [0, 0]
    let pass = 0
    for await (const step of run) {
      let weighted = 0
      for (const chosen of batches.slice(3 * pass, 3 * pass + 3)) {
        const ahead: Point = [theta[0] + 0.7 * velocity[0], theta[1] + 0.7 * velocity[1]]
        weighted += chosen.length * lossAt(ahead, chosen)
        const g = slopeAt(ahead, chosen)
        velocity = [0.7 * velocity[0] - 0.1 * g[0], 0.7 * velocity[1] - 0.1 * g[1]]
        theta = [theta[0] + velocity[0], theta[1] + velocity[1]]
      }
      pass++
      expect(step.trainingLoss).toBeCloseTo(weighted / cases, 12)
      expect(step.heldOutLoss).toBeCloseTo(lossAt(theta, everything), 12)
      expect(step.work).toMatchObject({
        gradientCases: pass * cases,
        lossCases: (pass + 1) * cases,
        products: 0,
      })
    }
    expect(pass).toBe(3)
    const { a, c } = run.parameters()
    expect([a.itemSync(), c.itemSync()]).toEqual(theta.map((value): unknown => expect.closeTo(value, 12)))
    expect(run.initial?.heldOutLoss).toBeCloseTo(lossAt([0.5, 0.25], everything), 12)
  })

  it("follow Adam's recurrence, whose bias correction counts updates and not steps", async () => {
    const run = adam(decayed, { learningRate: 0.05, secondDecay: 0.95, batch, updatesPerStep: 2 }).minimise(
      start(),
      {
        data,
        heldOut: data,
        iterations: 4,
      },
    )
    let steps = 0
    for await (const { iteration } of run) steps = iteration
    const theta = [0.5, 0.25]
    const [m, v] = [
      [0, 0],
      [0, 0],
    ]
    minibatches(0, 3)
      .slice(0, 8)
      .forEach((chosen, update) => {
        slopeAt([theta[0], theta[1]], chosen).forEach((g, k) => {
          m[k] = 0.9 * m[k] + 0.1 * g
          v[k] = 0.95 * v[k] + 0.05 * g * g
          const [mean, spread] = [m[k] / (1 - 0.9 ** (update + 1)), v[k] / (1 - 0.95 ** (update + 1))]
          theta[k] -= (0.05 * mean) / (Math.sqrt(spread) + 1e-8)
        })
      })
    expect(steps).toBe(4)
    const { a, c } = run.parameters()
    expect([a.itemSync(), c.itemSync()]).toEqual(theta.map((value): unknown => expect.closeTo(value, 11)))
  })

  it('end between updates when aborted, keeping the updates done, and report their progress', async () => {
    const controller = new AbortController()
    const seen: Progress[] = []
    const run = stochasticGradientDescent(decayed, { learningRate: 0.1, momentum: 0, batch }).minimise(
      start(),
      {
        data,
        heldOut: data,
        signal: controller.signal,
        onProgress: (progress) => {
          seen.push(progress)
          if (seen.length === 2) controller.abort()
        },
      },
    )
    for await (const step of run) expect(step).toBe('a step, though the pass was not finished')
    let theta: Point = [0.5, 0.25]
    for (const chosen of minibatches(0, 1).slice(0, 2)) {
      const g = slopeAt(theta, chosen)
      theta = [theta[0] - 0.1 * g[0], theta[1] - 0.1 * g[1]]
    }
    expect(run.parameters().a.itemSync()).toBeCloseTo(theta[0], 12)
    expect(seen).toEqual([3, 6].map((done) => ({ phase: 'gradient', iteration: 1, cases: done, of: 9 })))
  })

  it('free everything they took, on wasm', async () => {
    const wasm = createWasmBackend()
    const single = {
      inputs: hostArray(Float32Array.from(x), [cases, 1]),
      targets: hostArray(Float32Array.from(t), [cases, 1]),
    }
    const initial = { a: tensor([0.5], { backend: wasm }), c: tensor([0.25], { backend: wasm }) }
    const before = wasm.memory().liveBuffers
    for (const optimiser of [
      stochasticGradientDescent(decayed, { learningRate: 0.1, batch }),
      adam(decayed, { learningRate: 0.1, batch }),
    ]) {
      const run = optimiser.minimise(initial, { data: single, heldOut: single, iterations: 5 })
      let loss = run.initial?.heldOutLoss
      for await (const step of run) loss = step.heldOutLoss
      expect(loss).toBeLessThan(run.initial?.heldOutLoss ?? 0)
      run.dispose()
      expect(wasm.memory().liveBuffers).toBe(before)
    }
    expect(initial.a.isDisposed || initial.c.isDisposed).toBe(false)
  })
})
