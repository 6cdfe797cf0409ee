// Reconstructed images of a run. Oracles: loops over the network's only layer, and a device that is lost in between.
import { glorotInitialisation, hessianFree, logisticCrossEntropy } from '@hessian-free/hf'
import type { DenseLayer } from '@hessian-free/hf'
import {
  DeviceLostError,
  createWasmBackend,
  hostArray,
  randomKey,
  randomUniforms,
} from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import type { PreparedExample } from '../examples/example.ts'
import { reconstructLatest } from './trainingRun.ts'

const pixels = 3
const images = (cases: number) =>
  hostArray(Float32Array.from(randomUniforms(randomKey(4), cases * pixels)), [cases, pixels])
const model = ([{ w, b }]: readonly DenseLayer[], x: Tensor): Tensor => x.dot(w).add(b)

function begin(backend: Backend) {
  const prepared: PreparedExample = {
    problem: { model, loss: logisticCrossEntropy() },
    initial: glorotInitialisation(randomKey(2), [pixels, pixels], { backend, dtype: 'float32' }),
    data: { inputs: images(20) },
    heldOut: { inputs: images(5) },
    reconstructs: true,
  }
  const run = hessianFree(prepared.problem).minimise(prepared.initial, { ...prepared, iterations: 1 })
  return { run, placement: { backend, prepared } }
}

describe('the reconstructions of a run', () => {
  it.each([2, 5, 9])('are those of its present parameters, at most %i of the 5 images', async (count) => {
    const started = begin(createWasmBackend())
    for await (const { accepted } of started.run) expect(accepted).toBe(true)
    const [w, b] = await started.run.snapshot()
    const inputs = images(5).data
    const { originals, outputs } = (await reconstructLatest(started, count))!
    const shown = Math.min(count, 5)
    expect(originals).toEqual(hostArray(inputs.slice(0, shown * pixels), [shown, pixels]))
    expect(outputs.shape).toEqual([shown, pixels])
    outputs.data.forEach((found: number, at: number) => {
      const [row, column] = [Math.floor(at / pixels), at % pixels]
      let z = b.data[column]
      for (let k = 0; k < pixels; k++) z += inputs[row * pixels + k] * w.data[k * pixels + column]
      expect(found).toBeCloseTo(1 / (1 + Math.exp(-z)), 6)
    })
    started.run.dispose()
  })

  it.each(['run', 'read'] as const)(
    'are absent where the device is found lost when it should %s, and nothing is thrown',
    async (operation) => {
      const inner = createWasmBackend()
      let isLost = false
      const requireDevice = (when: typeof operation): void => {
        if (isLost && when === operation)
          throw new DeviceLostError({ operation, rule: 'the device was lost' })
      }
      const started = begin({
        ...inner,
        compile: (program, options) => {
          const executable = inner.compile(program, options)
          return {
            ...executable,
            run: (inputs) => {
              requireDevice('run')
              return executable.run(inputs)
            },
          }
        },
        read: async (buffer) => {
          requireDevice('read')
          return inner.read(buffer)
        },
      })
      expect(await reconstructLatest(started, 2)).toBeDefined()
      isLost = true
      expect(await reconstructLatest(started, 2)).toBeUndefined()
      started.run.dispose()
    },
  )

  it('do not hide any other error', async () => {
    const inner = createWasmBackend()
    const started = begin({ ...inner, read: () => Promise.reject(new TypeError('no device but a mistake')) })
    await expect(reconstructLatest(started, 2)).rejects.toThrow(TypeError)
    started.run.dispose()
  })
})
