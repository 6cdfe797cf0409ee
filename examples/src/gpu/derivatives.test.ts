// Derivatives on the gpu backend. Oracles: float64 central differences and explicit matrices on the reference backend.
import {
  CheckError,
  checkGaussNewton,
  checkHessianVectorProduct,
  checkJvp,
  checkVjp,
  floats,
  indices,
  randomNetworks,
} from '@hessian-free/autodiff/testing'
import type { Layer, NamedLoss } from '@hessian-free/autodiff/testing'
import { logisticCrossEntropy, softmaxCrossEntropy, squaredError } from '@hessian-free/hf'
import type { Loss } from '@hessian-free/hf'
import { tanh } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { testGpuBackend } from '../testing/testGpuBackend.ts'

const backend = await testGpuBackend()
afterAll(() => backend?.dispose())

/** The sum over the cases, with the curvature that the loss claims to have. */
const summed = (loss: Loss): NamedLoss => ({
  name: loss.name,
  value: (outputs, targets) => loss.perCase(outputs, targets).sum(),
  hessianProduct: (outputs, targets, u) => loss.hessianProduct(outputs, targets, u),
})
const losses = [softmaxCrossEntropy(), logisticCrossEntropy(), squaredError()].map(summed)

/** A hundred rounding errors: some per operation, and there are a dozen operations in a row. */
const tolerance = 100 * (backend?.tolerance('float32') ?? 0)
/** Every network has shapes of its own, whose shaders take a software adapter a third of a second to compile. */
const networks = { numRuns: 3 }
const options = { runs: 3, backend: backend! }

describe.skipIf(backend === undefined)('on the gpu (skipped where no software Vulkan is offered)', () => {
  describe.each(losses)('random networks under $name', (loss) => {
    const all = randomNetworks({ losses: [loss], layers: { minimum: 2, maximum: 3 } })

    it('have Gauss-Newton products that equal explicit JᵀHJ, symmetric, linear, semi-definite', async () => {
      const property = fc.asyncProperty(all, ({ model, loss: ownLoss, point }) =>
        checkGaussNewton(model, ownLoss, point, { ...options, tolerance }),
      )
      await fc.assert(property, networks)
    })

    it('have Hessian products that equal differences of the gradient, and are symmetric', async () => {
      const property = fc.asyncProperty(all, ({ model, loss: ownLoss, point }) => {
        const { parameters, inputs, targets } = point as Exclude<typeof point, fc.Arbitrary<unknown>>
        return checkHessianVectorProduct<[readonly Layer[], Tensor, Tensor]>(
          (layers, x, t) => ownLoss.value(model(layers, x), t),
          [parameters, inputs, targets],
          { ...options, tolerance },
        )
      })
      await fc.assert(property, networks)
    })
  })

  it('random networks satisfy forward mode against differences and the adjoint identity', async () => {
    const property = fc.asyncProperty(randomNetworks(), async ({ model, point }) => {
      const { parameters, inputs } = point as Exclude<typeof point, fc.Arbitrary<unknown>>
      await checkJvp(model, [parameters, inputs], options)
      await checkVjp(model, [parameters, inputs], { ...options, tolerance })
    })
    await fc.assert(property, networks)
  })

  it('class indices are targets too', () =>
    checkGaussNewton(
      (w: Tensor, x: Tensor) => tanh(x).dot(w),
      summed(softmaxCrossEntropy()),
      { parameters: floats([3, 4]), inputs: floats([5, 3]), targets: indices([5], 4) },
      { ...options, tolerance },
    ))

  it('a product that is wrong there alone is caught, with the seed that shows it again', async () => {
    const wrong: NamedLoss = {
      name: 'squared error, doubled in float32',
      value: (z, t) => z.subtract(t).square().sum().multiply(0.5),
      hessianProduct: (_z, _t, u) => u.multiply(u.dtype === 'float32' ? 2 : 1),
    }
    const point = { parameters: floats([2, 2]), inputs: floats([3, 2]), targets: floats([3, 2]) }
    const failure: unknown = await checkGaussNewton((w: Tensor, x: Tensor) => x.dot(w), wrong, point, {
      ...options,
      seed: 5,
    }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CheckError)
    expect((failure as CheckError).rule).toMatch('explicit Jacobian and output Hessian')
    expect((failure as CheckError).message).toMatch(/relative error .*seed: 5, path: /s)
  })

  it('all of it is freed', () => {
    expect(backend!.memory()).toMatchObject({ liveBuffers: 0, liveBytes: 0 })
  })
})
