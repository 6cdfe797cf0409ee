// Oracles: a custom rule that is right must be indistinguishable from the built-in derivative under every
// transformation (checked against differences and the adjoint identity); one that is deliberately different must be
// obeyed.
import type { Tensor } from '@hessian-free/tensor'
import {
  createReferenceBackend,
  jit,
  sigmoid,
  softplus,
  tanh,
  tensor,
  traceClosed,
  withDefaultBackend,
} from '@hessian-free/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { customJvp, customLinear, customVjp, grad, jvp, jvpProgram } from './index.ts'
import {
  checkGaussNewton,
  checkHessianVectorProduct,
  checkJvp,
  checkVjp,
  floats,
  squaredLoss,
} from './testing/index.ts'

const backend = createReferenceBackend()
afterAll(() => backend.dispose())
const f64 = (data: number | number[]): Tensor => tensor(data, { dtype: 'float64' })
const values = (x: Tensor): number[] => [...x.readSync()]
const onReference = (body: () => void) => () => withDefaultBackend(backend, body)
const runs = 5

/** tanh with a rule that uses the result. */
const ownTanh = customJvp(
  (x) => tanh(x),
  (_operands, [dx], y) => dx?.multiply(y.square().subtract(1).negate()),
)

/** x ↦ x·a, whose transpose is written out. */
const ownProduct = customLinear(
  (x, a) => x.dot(a),
  (c, a) => c.dot(a.transpose()),
)

/** softplus with a reverse rule. */
const ownSoftplus = customVjp(
  (x) => softplus(x),
  (x, c) => c.multiply(sigmoid(x)),
  (x, dx) => dx.multiply(sigmoid(x)),
)

describe.each<[string, (x: Tensor) => Tensor]>([
  ['customJvp', (x) => ownTanh(x)],
  ['customVjp', (x) => ownSoftplus(x)],
  ['customLinear', (x) => ownProduct(x, tanh(x).transpose())],
  ['all three together', (x) => ownSoftplus(ownProduct(ownTanh(x), x.transpose()))],
])('%s', (_, f) => {
  const like = floats([2, 3])

  it('agrees with differences in forward mode', () => checkJvp(f, [like], { runs }))
  it('satisfies the adjoint identity', () => checkVjp(f, [like], { runs }))
  it('has a second derivative', () =>
    checkHessianVectorProduct((x: Tensor) => f(x).square().sum(), [like], { runs }))
  it('works in a model under a Gauss-Newton product', async () => {
    const model = (w: Tensor, x: Tensor): Tensor => f(x.dot(w)).dot(x)
    const point = { parameters: floats([2, 2]), inputs: floats([2, 2]), targets: floats([2, 2]) }
    await checkGaussNewton(model, squaredLoss, point, { runs })
  })
})

describe('a custom rule', () => {
  it(
    'is obeyed where it differs from the derivative, eagerly and inside jit',
    onReference(() => {
      const straightThrough = customJvp(
        (x) => x.multiply(5),
        (_operands, [dx]) => dx,
      )
      const f = (x: Tensor): Tensor => straightThrough(x).sum()
      expect(values(f(f64([2])))).toEqual([10])
      expect(values(grad(f)(f64([2])))).toEqual([1])
      expect(values(jit(grad(f))(f64([2])))).toEqual([1])
      expect(values(jvp(f)(f64([2]), f64([3])).tangent)).toEqual([3])
    }),
  )

  it(
    'may say that the derivative is zero',
    onReference(() => {
      const flat = customJvp(
        (x) => tanh(x),
        () => undefined,
      )
      expect(values(grad((x: Tensor) => flat(x).add(x).sum())(f64([1, 2])))).toEqual([1, 1])
    }),
  )

  it(
    'of customLinear decides the cotangent',
    onReference(() => {
      const doubledBack = customLinear(
        (x) => x.multiply(3),
        (c) => c.multiply(7),
      )
      expect(values(grad((x: Tensor) => doubledBack(x).sum())(f64([1])))).toEqual([7])
      expect(values(jvp((x: Tensor) => doubledBack(x))(f64([1]), f64([1])).tangent)).toEqual([3])
    }),
  )

  it(
    'that is not linear in its tangents is refused by name',
    onReference(() => {
      const quadratic = customJvp(
        (x) => tanh(x),
        (_operands, [dx]) => dx?.square(),
      )
      expect(() => grad((x: Tensor) => quadratic(x).sum())(f64([1]))).toThrow(
        /linear.*multiply of a linear operand/,
      )
      const affine = customJvp(
        (x) => tanh(x),
        (_operands, [dx]) => dx?.add(1),
      )
      expect(() => grad((x: Tensor) => affine(x).sum())(f64([1]))).toThrow(/linear.*add of a linear operand/)
    }),
  )

  it(
    'whose tangent has the wrong type is refused with both types',
    onReference(() => {
      const summed = customJvp(
        (x) => tanh(x),
        (_operands, [dx]) => dx?.sum(),
      )
      expect(() => jvp((x: Tensor) => summed(x))(f64([1, 2]), f64([1, 1]))).toThrow(
        /tangent of result 0 must have the type.*float64\[2\].*float64\[\]/,
      )
    }),
  )

  it(
    'may not close over tensors of its own',
    onReference(() => {
      const outside = f64([1, 2])
      const closing = customJvp(
        (x) => x.multiply(outside),
        (_operands, [dx]) => dx,
      )
      expect(() => grad((x: Tensor) => closing(x).sum())(f64([1, 2]))).toThrow('no tensor but its arguments')
    }),
  )

  it('stays in the program until it is compiled, so that it can be differentiated again', () => {
    const program = traceClosed('f', [{ shape: [2], dtype: 'float64' }], ([x]) => [ownTanh(x)])
    expect(program.equations.map(({ primitive }) => primitive)).toEqual(['call'])
    const derived = jvpProgram(program, [true]).program
    expect(derived.equations.filter(({ primitive }) => primitive === 'call')).toHaveLength(1)
  })
})
