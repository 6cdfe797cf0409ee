/**
 * Programs on several threads: the same bits as on one for every operator, program case and random program, whatever the
 * number of threads; thousands of runs full of barriers; what happens when threads fail.
 */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { jit } from '../../jit.ts'
import type { PrimitiveName } from '../../program/primitive.ts'
import type { OperatorCase } from '../../testing/operatorCase.ts'
import { operatorCases } from '../../testing/operatorCases.ts'
import { checkOperatorCase } from '../../testing/operatorCheck.ts'
import { arbitraryValues, checkProgramCase, programCases } from '../../testing/programCases.ts'
import { randomProgram } from '../../testing/randomProgram.ts'
import { checkRandomProgram } from '../../testing/randomProgramCheck.ts'
import { tensor } from '../../operations/creation.ts'
import { Tensor } from '../../tensor.ts'
import { softmax } from '../../operations/reduction.ts'
import { tanh } from '../../operations/elementary.ts'
import { createWasmBackend, wasmBackendWith } from '../wasmBackend.ts'
import type { TeamPolicy } from './programRunner.ts'

/** Everything runs threaded, from the first run on. */
const always: TeamPolicy = { isWorthThreads: () => true, waits: true }

const teams = [2, 3, 4].map((threads) => wasmBackendWith({ threads }, always))
const alone = createWasmBackend({ threads: 1 })
afterAll(() => {
  for (const backend of [...teams, alone]) backend.dispose()
})

describe.each(teams.map((backend) => ({ threads: backend.threadUse.threads, backend })))(
  '$threads threads',
  ({ backend }) => {
    it('compute every primitive as plain loops do', async () => {
      for (const name of Object.keys(operatorCases) as PrimitiveName[]) {
        for (const each of operatorCases[name]) {
          await checkOperatorCase(backend, name, each as OperatorCase<PrimitiveName>)
        }
      }
    })

    it.each(Object.entries(programCases))('agree with the reference on: %s', (_, each) =>
      checkProgramCase(backend, each),
    )

    it('agree with the reference on random programs', async () => {
      await fc.assert(
        fc.asyncProperty(randomProgram('float32'), (random) => checkRandomProgram(backend, random)),
        { numRuns: 60 },
      )
      expect(backend.memory().liveBuffers).toBe(0)
    })

    it('give the same bits as one thread for products, reductions and element-wise chains of odd sizes', async () => {
      const body = jit((x: Tensor, w: Tensor, b: Tensor) => {
        const h = tanh(x.dot(w).add(b))
        const back = x.transpose().dot(h)
        return [softmax(h, 1), back, h.sum(), h.sum(0), back.transpose().add(1)]
      })
      const arrays = [[131, 257], [257, 119], [119]].map((shape, i) =>
        arbitraryValues(shape, 'float32', i + 1),
      )
      const bitsOn = async (on: typeof backend): Promise<Uint32Array[]> => {
        const inputs = arrays.map((array) => Tensor.concrete(on, on.upload(array)))
        const outputs = body(...(inputs as [Tensor, Tensor, Tensor]))
        const bits = await Promise.all(
          outputs.map(async (output) => new Uint32Array((await output.read()).buffer)),
        )
        for (const each of [...inputs, ...outputs]) each.dispose()
        return bits
      }
      const [got, want] = [await bitsOn(backend), await bitsOn(alone)]
      got.forEach((bits, i) => {
        expect(bits).toEqual(want[i])
      })
    })
  },
)

it('thousands of runs with several barriers each, by more threads than there are cores, end and are right', async () => {
  const backend = teams[2]
  const chain = jit((x: Tensor) => x.dot(x).dot(x).dot(x).multiply(0.5))
  const values = Float32Array.from({ length: 24 * 24 }, (_, i) => Math.sin(i) / 5)
  using x = tensor(values, { shape: [24, 24], backend })
  using once = chain(x)
  const want = await once.read()
  for (let run = 0; run < 1_000; run++) chain(x).dispose()
  using last = chain(x)
  expect(await last.read()).toEqual(want)
})

it('a backend of several threads runs alone until its workers know the program, then together', async () => {
  const backend = wasmBackendWith({ threads: 2 }, { ...always, waits: false })
  const twice = jit((x: Tensor) => x.add(x))
  const x = tensor([1, 2, 3], { backend })
  for (const sharedRuns of [0, 1, 2]) {
    using result = twice(x)
    expect([...(await result.read())]).toEqual([2, 4, 6])
    expect(backend.threadUse).toEqual({ threads: 2, sharedRuns })
    await backend.synchronize()
  }
  backend.dispose()
  expect(() => backend.upload(arbitraryValues([2], 'float32', 1))).toThrow(/disposed/)
})
