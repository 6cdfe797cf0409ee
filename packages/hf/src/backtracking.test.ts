// Oracles: the toy case of an independent implementation's tests; the rules written out as loops.
import { ArgumentError } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BacktrackingRule } from './backtracking.ts'
import { backtrack } from './backtracking.ts'

const run = (losses: readonly number[], rule: BacktrackingRule, initialLoss = Infinity) =>
  backtrack({ iterates: losses, loss: (loss) => loss, initialLoss, rule })

describe('backtrack', () => {
  // Losses at iterations 0, 1, 3, 4 and 7 of a run: [2, 1, –, 2.7, 2.4, –, –, 7.3].
  const toy = [
    { iteration: 0, loss: 2 },
    { iteration: 1, loss: 1 },
    { iteration: 3, loss: 2.7 },
    { iteration: 4, loss: 2.4 },
    { iteration: 7, loss: 7.3 },
  ]
  const toyCase = (rule: BacktrackingRule) =>
    backtrack({ iterates: toy, loss: ({ loss }) => loss, initialLoss: 10, rule })

  it('finds iteration 1 of the toy case when it evaluates all, and iteration 4 when it stops at the first rise', async () => {
    expect((await toyCase('best')).chosen.iteration).toBe(1)
    expect((await toyCase('untilWorse')).chosen.iteration).toBe(4)
    expect((await toyCase('untilWorse')).evaluations).toBe(3)
  })

  it('goes back past a rise while the loss is above that of the parameters themselves', async () => {
    const losses = [1, 2, 9, 8]
    expect(await run(losses, 'untilWorse', 5)).toMatchObject({ index: 3, improved: false })
    expect(await run(losses, 'untilImprovedThenWorse', 5)).toMatchObject({
      index: 0,
      loss: 1,
      improved: true,
    })
    expect(await run([3, 2, 9, 8], 'untilImprovedThenWorse', 5)).toMatchObject({ index: 1, loss: 2 })
  })

  it('says that nothing improved when every loss is above that of the parameters', async () => {
    for (const rule of ['untilWorse', 'untilImprovedThenWorse', 'best'] as const) {
      expect((await run([3, 2, 4], rule, 1)).improved).toBe(false)
    }
  })

  it("agrees with Martens' loop written out", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 8 }),
        async (losses) => {
          let chosen = losses.length - 1
          for (let i = losses.length - 2; i >= 0; i--) {
            if (losses[i] > losses[chosen]) break
            chosen = i
          }
          expect((await run(losses, 'untilWorse')).index).toBe(chosen)
        },
      ),
    )
  })

  it("agrees with Kingsbury's algorithm written out", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 8 }),
        async (losses) => {
          const previous = 3
          let best = losses[losses.length - 1]
          let chosen = 0
          for (let i = losses.length - 2; i >= 0; i--) {
            if (previous >= best && losses[i] >= best) {
              chosen = i + 1
              break
            }
            best = losses[i]
          }
          if (losses.length === 1) chosen = 0
          expect((await run(losses, 'untilImprovedThenWorse', previous)).index).toBe(chosen)
        },
      ),
    )
  })

  it('takes NaN for an infinite loss and goes back from it', async () => {
    expect(await run([1, NaN, NaN], 'untilWorse')).toMatchObject({ index: 0, loss: 1 })
    expect(await run([NaN], 'untilWorse', 1)).toMatchObject({ index: 0, loss: Infinity, improved: false })
  })

  it('stops going back when aborted', async () => {
    const controller = new AbortController()
    const loss = (value: number): number => {
      controller.abort()
      return value
    }
    const result = await backtrack({ iterates: [1, 2, 3], loss, initialLoss: 9, signal: controller.signal })
    expect(result).toMatchObject({ index: 2, evaluations: 1 })
  })

  it('needs an iterate', async () => {
    await expect(run([], 'untilWorse')).rejects.toThrow(ArgumentError)
  })
})
