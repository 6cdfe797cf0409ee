// Oracles: derivatives on paper, and central differences of a lower-order derivative, in float64. Transformations are
// nested in every order up to the third, eagerly and inside jit.
import type { Tensor } from '@hessian-free/tensor'
import {
  concatenate,
  createReferenceBackend,
  exp,
  gather,
  jit,
  logSumExp,
  scope,
  sin,
  softmax,
  stopGradient,
  tanh,
  tensor,
  withDefaultBackend,
} from '@hessian-free/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { gaussNewtonProduct, grad, hessianVectorProduct, jvp, linearize, valueAndGrad, vjp } from './index.ts'
import { checkHessianVectorProduct, checkJvp, floats, indices } from './testing/index.ts'

const backend = createReferenceBackend()
afterAll(() => backend.dispose())

const f64 = (data: number | number[]): Tensor => tensor(data, { dtype: 'float64' })
const values = (x: Tensor): number[] => [...x.readSync()]
const onReference = (body: () => void) => () => withDefaultBackend(backend, body)

/** Σ sin, whose derivatives are ±sin and ±cos for ever. */
const sumOfSines = (x: Tensor): Tensor => sin(x).sum()
const points = [0.3, -1.2, 2]
const direction = [0.5, 1, -0.25]
const times = (f: (x: number) => number): number[] => points.map((x, i) => f(x) * direction[i])
const near = (expected: readonly number[]): unknown[] =>
  expected.map((value): unknown => expect.closeTo(value, 12))

describe('derivatives of derivatives', () => {
  const [x, v] = withDefaultBackend(backend, () => [f64(points), f64(direction)])
  const slope = (y: Tensor): Tensor => grad(sumOfSines)(y)
  const second = (y: Tensor): Tensor => slope(y).multiply(v).sum()
  const minusSines = times((p) => -Math.sin(p))

  it(
    'grad(grad) differentiates a directional derivative',
    onReference(() => expect(values(grad(second)(x))).toEqual(near(minusSines))),
  )

  it(
    'jvp(grad) is the Hessian product, forward over reverse',
    onReference(() => expect(values(jvp(slope)(x, v).tangent)).toEqual(near(minusSines))),
  )

  it(
    'grad(jvp) is the Hessian product, reverse over forward',
    onReference(() => {
      const derivative = (y: Tensor): Tensor => jvp(sumOfSines)(y, v).tangent
      expect(values(grad(derivative)(x))).toEqual(near(minusSines))
    }),
  )

  it(
    'vjp(jvp) pulls back through the tangent as well as the value',
    onReference(() => {
      const both = (y: Tensor) => jvp(sin)(y, v)
      const { pullback } = vjp(both)(x)
      const pulled = pullback({ value: v, tangent: v })
      const expected = points.map((p, i) => direction[i] * (Math.cos(p) - Math.sin(p) * direction[i]))
      expect(values(pulled)).toEqual(near(expected))
    }),
  )

  it(
    'grad(grad(grad)) and jvp(jvp(jvp)) are the third derivative',
    onReference(() => {
      const third = (y: Tensor): Tensor => grad(second)(y).multiply(v).sum()
      const cubes = points.map((p, i) => -Math.cos(p) * direction[i] ** 2)
      expect(values(grad(third)(x))).toEqual(near(cubes))
      const d1 = (y: Tensor): Tensor => jvp(sin)(y, v).tangent
      const d2 = (y: Tensor): Tensor => jvp(d1)(y, v).tangent
      const d3 = jvp(d2)(x, v).tangent
      expect(values(d3)).toEqual(near(points.map((p, i) => -Math.cos(p) * direction[i] ** 3)))
    }),
  )

  it(
    'are the same inside jit, which traces once',
    onReference(() => {
      let calls = 0
      const counted = (y: Tensor): Tensor => {
        calls++
        return sumOfSines(y)
      }
      const compiled = jit((y: Tensor) => jvp((z: Tensor) => grad(counted)(z))(y, v).tangent)
      expect(values(compiled(x))).toEqual(near(minusSines))
      const after = calls
      expect(values(compiled(x))).toEqual(near(minusSines))
      expect(calls).toBe(after)
    }),
  )

  it(
    'pass through a linearisation made inside another trace',
    onReference(() => {
      const viaLinearize = (y: Tensor): Tensor => linearize(sumOfSines)(y).apply(v)
      expect(values(grad(viaLinearize)(x))).toEqual(near(minusSines))
    }),
  )

  it(
    'treat a stopped gradient as a constant at every order',
    onReference(() => {
      const f = (y: Tensor): Tensor => y.multiply(stopGradient(y)).sum()
      expect(values(grad(f)(x))).toEqual(near(points))
      expect(values(grad((y: Tensor) => grad(f)(y).sum())(x))).toEqual([0, 0, 0])
    }),
  )

  it(
    'of a function that does not depend on its argument are zero',
    onReference(() => {
      expect(values(grad((_x: Tensor) => f64(3))(x))).toEqual([0, 0, 0])
      expect(values(jvp((_x: Tensor) => f64(3))(x, v).tangent)).toEqual([0])
      expect(values(grad((y: Tensor) => grad((z: Tensor) => z.sum())(y).sum())(x))).toEqual([0, 0, 0])
    }),
  )
})

describe('perturbations', () => {
  it(
    'of nested derivatives are not confused: d/dx (x · d/dy (x + y)) = 1',
    onReference(() => {
      const inner = (x: Tensor): Tensor => x.multiply(grad((y: Tensor) => x.add(y))(f64(1)))
      expect(values(grad(inner)(f64(5)))).toEqual([1])
      const forward = (x: Tensor): Tensor => x.multiply(jvp((y: Tensor) => x.add(y))(f64(1), f64(1)).tangent)
      expect(values(jvp(forward)(f64(5), f64(1)).tangent)).toEqual([1])
    }),
  )

  it(
    'reach tensors that an inner function closes over',
    onReference(() => {
      const outer = (x: Tensor): Tensor => grad((y: Tensor) => x.square().multiply(y.square()))(f64(3))
      expect(values(grad(outer)(f64(2)))).toEqual([2 * 2 * 2 * 3])
    }),
  )
})

describe('second order through composed operations, against differences', () => {
  const runs = 5
  it('softmax and log-sum-exp', async () => {
    const f = (x: Tensor, t: Tensor): Tensor =>
      logSumExp(x, -1).subtract(softmax(x).multiply(t).sum(-1)).sum()
    await checkHessianVectorProduct(f, [floats([3, 4]), floats([3, 4])], { runs })
  })

  it('rows gathered, joined and normalised', async () => {
    const f = (table: Tensor, rows: Tensor): Tensor => {
      const picked = gather(table, rows)
      const joined = concatenate([picked, exp(picked)], 1)
      return joined
        .subtract(joined.mean(1, { keepAxes: true }))
        .square()
        .mean()
        .add(tanh(joined).sum())
    }
    await checkHessianVectorProduct(f, [floats([4, 3]), indices([5], 4)], { runs })
  })

  it('a recurrent network unrolled over time', async () => {
    const f = ({ w, u }: { w: Tensor; u: Tensor }, x: Tensor): Tensor => {
      let h = tanh(x.dot(u))
      for (let step = 0; step < 3; step++) h = tanh(h.dot(w).add(x.dot(u)))
      return h.square().sum()
    }
    await checkHessianVectorProduct(f, [{ w: floats([3, 3]), u: floats([2, 3]) }, floats([2, 2])], { runs })
  })

  it('a Hessian product as a function of its point', async () => {
    const f = (x: Tensor, v: Tensor): Tensor =>
      jvp((y: Tensor) => grad((z: Tensor) => exp(sin(z)).sum())(y))(x, v).tangent
    await checkJvp(f, [floats([4]), floats([4])], { runs })
  })
})

describe('operators at a point', () => {
  it(
    'hessianVectorProduct gives the gradient and reuses its linearisation',
    onReference(() => {
      let calls = 0
      const f = (x: Tensor): Tensor => {
        calls++
        return exp(x).sum()
      }
      const { gradient, apply } = hessianVectorProduct(f).at(f64([0, 1]))
      expect(values(gradient)).toEqual(near([1, Math.E]))
      const after = calls
      expect(values(apply(f64([1, 2])))).toEqual(near([1, 2 * Math.E]))
      expect(values(apply(f64([0, 1])))).toEqual(near([0, Math.E]))
      expect(calls).toBe(after)
    }),
  )

  it(
    'valueAndGrad gives both, for trees of any form',
    onReference(() => {
      const f = ({ a, rest: [b] }: { a: Tensor; rest: Tensor[] }): Tensor => a.multiply(b).sum()
      const { value, gradient } = valueAndGrad(f)({ a: f64([1, 2]), rest: [f64([3, 4])] })
      expect(values(value)).toEqual([11])
      expect([values(gradient.a), values(gradient.rest[0])]).toEqual([
        [3, 4],
        [1, 2],
      ])
    }),
  )

  it(
    'outlive a scope that returns them, and free what they keep',
    onReference(() => {
      const [x, u] = [f64([0.5]), f64([1])]
      const before = backend.memory().liveBuffers
      const product = gaussNewtonProduct(
        (w: Tensor, inputs: Tensor) => exp(w.multiply(inputs)),
        (z: Tensor) => z.square().sum(),
      )
      const operators = [
        scope(() => product.at(x, u, u)),
        scope(() => linearize(exp)(x)),
        scope(() => hessianVectorProduct((w: Tensor) => exp(w).sum()).at(x)),
      ]
      for (const operator of operators) operator.apply(u).dispose()
      for (const operator of operators) operator.dispose()
      expect(backend.memory().liveBuffers).toBe(before)
      expect(x.isDisposed).toBe(false)
    }),
  )

  it(
    'gaussNewtonProduct can be used inside a trace, and differentiated',
    onReference(() => {
      const model = (w: Tensor, x: Tensor): Tensor => x.multiply(w)
      const loss = (z: Tensor): Tensor => exp(z).sum()
      const [x, t, v] = [f64([2]), f64([0]), f64([1])]
      // z = 2w, G v = 4 exp(2w) v, and its derivative in w is 8 exp(2w) v.
      const curvature = (w: Tensor): Tensor => gaussNewtonProduct(model, loss).at(w, x, t).apply(v).sum()
      expect(values(jit(curvature)(f64([0.5])))).toEqual(near([4 * Math.E]))
      expect(values(grad(curvature)(f64([0.5])))).toEqual(near([8 * Math.E]))
    }),
  )
})
