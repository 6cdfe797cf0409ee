// Misuse: each error is of its type and names the operation, the rule and the remedy.
import type { Tensor } from '@hessian-free/tensor'
import {
  ArgumentError,
  DtypeError,
  ShapeError,
  createReferenceBackend,
  tensor,
  withDefaultBackend,
} from '@hessian-free/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { gaussNewtonProduct, grad, hessianVectorProduct, jvp, linearize, vjp } from './index.ts'
import { squaredLoss } from './testing/index.ts'

const backend = createReferenceBackend()
afterAll(() => backend.dispose())

/** The type and message of what `body` throws. */
function failure(body: () => unknown): { type: unknown; message: string } {
  try {
    withDefaultBackend(backend, body)
  } catch (error) {
    return { type: (error as Error).constructor, message: (error as Error).message }
  }
  return { type: undefined, message: 'nothing was thrown' }
}

const vector = (): Tensor => tensor([1, 2, 3], { backend })
const integers = (): Tensor => tensor([1, 2], { dtype: 'int32', backend })
const identity = (x: Tensor): Tensor => x

describe('grad refuses', () => {
  it('a function that does not return a scalar, and says how to reduce it', () => {
    const { type, message } = failure(() => grad(identity)(vector()))
    expect(type).toBe(ArgumentError)
    expect(message).toMatch(/grad: the function identity must return one scalar.*float32\[3\].*sum\(\)/)
  })

  it('integer parameters', () => {
    const { type, message } = failure(() => grad((x: Tensor) => x.sum())(integers()))
    expect(type).toBe(DtypeError)
    expect(message).toMatch(/grad: only float32 and float64.*int32\[2\].*convert/)
  })

  it('a leaf that is no tensor, and says where it is', () => {
    const { type, message } = failure(() =>
      grad(({ a }: { a: Tensor; b: number }) => a.sum())({ a: vector(), b: 3 }),
    )
    expect(type).toBe(ArgumentError)
    expect(message).toMatch(/leaf of a tree must be a Tensor; found number at tree\.b/)
  })

  it('a model that returns something else than tensors', () => {
    const { type, message } = failure(() => grad((() => 3) as unknown as (x: Tensor) => Tensor)(vector()))
    expect(type).toBe(ArgumentError)
    expect(message).toMatch(/result of .*must be a Tensor; found number/)
  })
})

describe('directions must be like the point', () => {
  it.each<[string, () => unknown]>([
    ['jvp', () => jvp(identity)(vector(), tensor([1], { backend }))],
    ['linearize', () => linearize(identity)(vector()).apply(tensor([1], { backend }))],
    ['vjp', () => vjp(identity)(vector()).pullback(tensor([1], { backend }))],
    [
      'hessianVectorProduct',
      () =>
        hessianVectorProduct((x: Tensor) => x.sum())
          .at(vector())
          .apply(tensor([1], { backend })),
    ],
    [
      'gaussNewtonProduct',
      () =>
        gaussNewtonProduct((w: Tensor) => w, squaredLoss)
          .at(vector(), vector(), vector())
          .apply(tensor([1], { backend })),
    ],
  ])('in %s', (_, body) => {
    const { type, message } = failure(body)
    expect(type).toBe(ShapeError)
    expect(message).toMatch(/must be a tree like the point.*float32\[3\] and float32\[1\]/)
  })
})

describe('gaussNewtonProduct refuses', () => {
  it('a loss that is not a scalar', () => {
    const loss = (z: Tensor): Tensor => z
    const { type, message } = failure(() =>
      gaussNewtonProduct((w: Tensor) => w, loss).at(vector(), vector(), vector()),
    )
    expect(type).toBe(ArgumentError)
    expect(message).toMatch(/gaussNewtonProduct: the function loss must return one scalar/)
  })

  it('integer parameters', () => {
    const at = () => gaussNewtonProduct((w: Tensor) => w, squaredLoss).at(integers(), vector(), vector())
    expect(failure(at).type).toBe(DtypeError)
  })

  it('a Hessian product that is not linear in its direction', () => {
    const loss = {
      value: (z: Tensor) => z.sum(),
      hessianProduct: (_z: Tensor, _t: Tensor, u: Tensor) => u.square(),
    }
    const operator = () =>
      gaussNewtonProduct((w: Tensor) => w, loss)
        .at(vector(), vector(), vector())
        .apply(vector())
    expect(failure(operator).message).toMatch(/hessianProduct.*linear/)
  })

  it('a Hessian product whose result is not like the outputs', () => {
    const loss = {
      value: (z: Tensor) => z.sum(),
      hessianProduct: (_z: Tensor, _t: Tensor, u: Tensor) => u.sum(),
    }
    const operator = () =>
      gaussNewtonProduct((w: Tensor) => w, loss)
        .at(vector(), vector(), vector())
        .apply(vector())
    expect(failure(operator)).toMatchObject({
      type: ShapeError,
      message: expect.stringMatching(/hessianProduct/) as string,
    })
  })
})
