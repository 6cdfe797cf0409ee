// How often the host waits, when the device has work meanwhile, and what a failure leaves behind. Oracles: counts of a
// stand-in for a device.
import { ArgumentError, DeviceLostError, createReferenceBackend, jit, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from './conjugateGradient.ts'
import type { ConjugateGradientOptions } from './conjugateGradient.ts'
import type { LinearOperator } from './conjugateGradientRun.ts'
import { disposePair } from './curvaturePair.ts'
import type { StopRule } from './stopRules/stopRule.ts'
import { lateBackend } from './testing/lateBackend.ts'
import type { LateBackend } from './testing/lateBackend.ts'
import { normals, randomSpd, randomVector } from './testing/linearSystems.ts'

const n = 20
const product = jit((a: Tensor, v: Tensor) => a.dot(v), { name: 'product' })
const at = (iteration: number): StopRule => ({
  name: `at ${iteration}`,
  reason: 'custom',
  shouldStop: (history) => history.length >= iteration,
})
const system = (backend: LateBackend) => ({
  matrix: tensor(randomSpd(n, 3, 0.01), { backend, dtype: 'float64' }),
  b: tensor(randomVector(n, normals(3)), { backend, dtype: 'float64' }),
})

describe('waiting', () => {
  const device = lateBackend(createReferenceBackend())
  const solving = async (options: ConjugateGradientOptions) => {
    const { matrix, b } = system(device)
    const before = device.waits
    using result = await conjugateGradient((v) => product(matrix, v), b, options)
    return { ...result, waits: device.waits - before }
  }

  it('happens once per ten iterations and for the start, by default, on a device that must be waited for', async () => {
    for (const iterations of [1, 8, 9, 10, 19, 20, 55]) {
      const { waits, products } = await solving({ stop: [at(iterations)], maximumIterations: 100 })
      expect(waits).toBe(Math.ceil((iterations + 1) / 10))
      expect(products).toBe(10 * waits - 1 + 2)
    }
  })

  it('happens once per iteration where the host keeps in step', async () => {
    const { waits, products } = await solving({ stop: [at(7)], readInterval: 1, readLag: 0 })
    expect([waits, products]).toEqual([8, 7])
  })

  it('keeps no iteration from being enqueued: neither after a start, warm or not, nor after a batch', async () => {
    const { matrix, b } = system(device)
    using initial = tensor(randomVector(n, normals(4)), { backend: device, dtype: 'float64' })
    for (const warm of [{}, { initial }]) {
      let products = 0
      const operator: LinearOperator = (v) => {
        products++
        return product(matrix, v)
      }
      const ahead: number[] = []
      const onIteration = ({ iteration }: { iteration: number }) => ahead.push(products - iteration)
      using result = await conjugateGradient(operator, b, { ...warm, onIteration, stop: [at(12)] })
      expect(result.iterations).toBe(12)
      const extra = 'initial' in warm ? 1 : 0
      // Iterations 1 to 9 are judged when 9 + 2 are enqueued, 10 and those after it when 19 + 2 are.
      const wanted = [10, 9, 8, 7, 6, 5, 4, 3, 2, 11, 10, 9]
      expect(ahead).toEqual(wanted.map((count) => count + extra))
    }
  })
})

describe('a failure while the device is ahead', () => {
  it.each(['product', 'solve', 'callback', 'device'] as const)('of a %s leaks nothing', async (what) => {
    const turns = [1, 4, 9, 10, 11, 14]
    for (const turn of turns) {
      for (const schedule of [{}, { readInterval: 1, readLag: 0 }, { readInterval: 3, readLag: 7 }]) {
        const device = lateBackend(createReferenceBackend())
        const { matrix, b } = system(device)
        const before = device.memory().liveBuffers
        const failingIn = (which: string, count: number): void => {
          if (which === what && count === turn) throw new Error('out of luck')
        }
        if (what === 'device') device.loseAfter(3 * turn)
        let [products, solves] = [0, 0]
        const run = conjugateGradient(
          (v) => {
            failingIn('product', ++products)
            return product(matrix, v)
          },
          b,
          {
            ...schedule,
            stop: [],
            preconditioner: {
              name: 'copy',
              apply: (r) => {
                failingIn('solve', ++solves)
                return product(matrix, r)
              },
            },
            onIteration: ({ iteration }) => failingIn('callback', iteration),
            onPair: disposePair,
          },
        )
        await expect(run).rejects.toThrow(what === 'device' ? DeviceLostError : /out of luck/)
        expect(device.memory().liveBuffers).toBe(before)
      }
    }
  })
})

it.each([{ readInterval: 0 }, { readInterval: 1.5 }, { readLag: -1 }, { readLag: NaN }])(
  'the schedule %o is refused',
  async (schedule) => {
    using b = tensor([1], { dtype: 'float64', backend: createReferenceBackend() })
    await expect(conjugateGradient((v) => v.add(v), b, schedule)).rejects.toThrow(ArgumentError)
  },
)
