// How often an outer step waits for the device. Oracle: what the records say was measured, and nothing more.
import { createReferenceBackend, hostArray } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { squaredError } from '../losses/squaredError.ts'
import { lateBackend } from '../testing/lateBackend.ts'
import { smallLayers, tanhNetwork, uniformArray } from '../testing/smallProblem.ts'
import { hessianFree } from './hessianFree.ts'
import { diagonalPreconditioning, lbfgsPreconditioning, noPreconditioning } from './preconditioning.ts'

const source = (cases: number, seed: number) => ({
  inputs: uniformArray(seed, [cases, 3]),
  targets: hostArray(uniformArray(seed + 1, [cases, 2]).data, [cases, 2]),
})

describe.each([noPreconditioning(), diagonalPreconditioning(), lbfgsPreconditioning({ pairs: 4 })])(
  'an outer step with $name preconditioning',
  (preconditioning) => {
    it('waits for the gradient, the pairs, ten iterations at a time, each loss, and the slope', async () => {
      const device = lateBackend(createReferenceBackend())
      const problem = { model: tanhNetwork, loss: squaredError(), weightDecay: 1e-4 }
      // Many chunks and weight decay: neither costs a wait of its own.
      const optimiser = hessianFree(problem, { preconditioning, damping: 0.1, chunkLength: 10 })
      let evaluations = 0
      const run = optimiser.minimise(smallLayers(device, [3, 4, 2]), {
        data: source(60, 1),
        heldOut: source(40, 5),
        iterations: 4,
        onProgress: ({ phase }) => {
          if (phase === 'backtracking' || phase === 'lineSearch') evaluations++
        },
      })
      let before = device.waits
      let lossCases = 40
      const perStep: string[] = []
      for await (const { iteration, conjugateGradient, lineSearch, work } of run) {
        const waits = device.waits - before - (iteration === 1 ? 1 : 0)
        const losses = (work.lossCases - lossCases) / 40
        const slope = lineSearch.outcome === 'notReached' ? 0 : 1
        const pairs = preconditioning.name === 'lbfgs' && iteration > 1 ? 1 : 0
        const batches = Math.ceil((conjugateGradient.iterations + 1) / 10)
        expect(waits).toBe(1 + pairs + batches + losses + slope)
        expect(batches).toBeLessThanOrEqual(conjugateGradient.iterations / 10 + 1)
        perStep.push(`${waits} (${conjugateGradient.iterations} iterations, ${losses} losses)`)
        before = device.waits
        lossCases = work.lossCases
      }
      expect(perStep).toHaveLength(4)
      expect(evaluations).toBeGreaterThanOrEqual(4)
      run.dispose()
    })
  },
)
