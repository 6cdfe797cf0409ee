// Oracles: correct models and losses must pass; each deliberate mistake must be caught under its own name.
import type { Backend, Tensor } from '@hessian-free/tensor'
import { createWasmBackend, isWasmSupported, stopGradient, tanh } from '@hessian-free/tensor'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OutputLoss } from '../outputCurvature.ts'
import { CheckError, checkGaussNewton, floats, randomNetworks, softmaxLoss, squaredLoss } from './index.ts'

const model = (w: Tensor, x: Tensor): Tensor => tanh(x.dot(w))
const point = { parameters: floats([3, 2]), inputs: floats([4, 3]), targets: floats([4, 2], { minimum: 0 }) }

const failureOf = async (check: Promise<void>): Promise<CheckError> => {
  try {
    await check
  } catch (error) {
    if (error instanceof CheckError) return error
    throw error
  }
  throw new Error('the check passed')
}

describe('checkGaussNewton', () => {
  it('passes for random networks, losses and batch sizes: explicit JᵀHJ, symmetric, linear, semi-definite', async () => {
    await fc.assert(
      fc.asyncProperty(randomNetworks(), ({ model: network, loss, point: at }) =>
        checkGaussNewton(network, loss, at, { runs: 1 }),
      ),
      { numRuns: 40 },
    )
  })

  it('passes where a relu network has a derivative', async () => {
    const relus = randomNetworks({ activations: ['relu'], layers: { minimum: 2, maximum: 3 } })
    await fc.assert(
      fc.asyncProperty(relus, ({ model: network, loss, point: at }) =>
        checkGaussNewton(network, loss, at, { runs: 1 }),
      ),
      { numRuns: 12 },
    )
  })

  it.skipIf(!isWasmSupported())('tests another backend in its own precision against float64', async () => {
    const backend = createWasmBackend()
    const before = backend.memory().liveBuffers
    await checkGaussNewton(model, softmaxLoss, point, { runs: 5, backend })
    expect(backend.memory().liveBuffers).toBe(before)
    backend.dispose()
  })

  it.skipIf(!isWasmSupported())('reads a backend that has no readSync in one wait per point', async () => {
    const inner = createWasmBackend()
    const { readSync: _, ...late } = inner
    let waits = 0
    const backend: Backend = {
      ...late,
      readTogether: async (buffers) => {
        waits++
        const contents = await Promise.all(buffers.map((buffer) => inner.read(buffer)))
        await new Promise((resolve) => setTimeout(resolve, 0))
        return contents
      },
    }
    await checkGaussNewton(model, softmaxLoss, point, { runs: 5, backend })
    expect(waits).toBe(5)
    const onDevice = (w: Tensor, x: Tensor): Tensor =>
      w.dtype === 'float32' ? model(w, x).multiply(2) : model(w, x)
    const failure = await failureOf(checkGaussNewton(onDevice, squaredLoss, point, { backend, seed: 3 }))
    expect(failure.rule).toMatch('explicit Jacobian')
    expect(failure.message).toMatch(/relative error .*after \d+ runs.*seed: 3, path: /s)
    inner.dispose()
  })

  it('catches a Hessian product without its off-diagonal part, and tells how to see it again', async () => {
    const wrong: OutputLoss<Tensor, Tensor> = {
      value: (z, t) => softmaxLoss.value(z, t),
      hessianProduct: (_z, _t, u) => u,
    }
    const failure = await failureOf(checkGaussNewton(model, wrong, point, { seed: 7 }))
    expect(failure.rule).toMatch("the loss's own hessianProduct")
    expect(failure.message).toMatch(/relative error .*seed: 7, path: /s)
  })

  it('catches a factor between a loss and its Hessian product', async () => {
    const wrong: OutputLoss<Tensor, Tensor> = {
      value: (z, t) => squaredLoss.value(z, t),
      hessianProduct: (_z, _t, u) => u.multiply(2),
    }
    expect((await failureOf(checkGaussNewton(model, wrong, point))).rule).toMatch('hessianProduct')
  })

  it('catches a model whose derivative was cut off', async () => {
    const cut = (w: Tensor, x: Tensor): Tensor => tanh(x.dot(w)).add(stopGradient(w).sum())
    expect((await failureOf(checkGaussNewton(cut, squaredLoss, point))).rule).toMatch('Jacobian of the model')
  })

  it('catches a loss that is not convex, unless told so', async () => {
    const concave = (z: Tensor, t: Tensor): Tensor => z.subtract(t).square().sum().negate()
    expect((await failureOf(checkGaussNewton(model, concave, point))).rule).toMatch('semi-definite')
    await checkGaussNewton(model, concave, point, { convex: false, runs: 5 })
  })

  it('passes the errors of a model on as they are', async () => {
    const broken = (w: Tensor, x: Tensor): Tensor => x.dot(w.transpose())
    await expect(checkGaussNewton(broken, squaredLoss, point)).rejects.toThrow(
      'the last axis of the left operand',
    )
  })
})
