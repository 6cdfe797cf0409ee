// Oracles: the explicit JᵀHJ from central differences of the outputs and a closed-form loss Hessian, in float64.
import { createReferenceBackend, softplus, tanh, tensor, withDefaultBackend } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { gaussNewtonProduct, grad, hessianVectorProduct, jvp, vjp } from './index.ts'

interface Layer {
  readonly w: Tensor
  readonly b: Tensor
}

const model = (layers: readonly Layer[], x: Tensor): Tensor =>
  layers.reduce((h, { w, b }, i) => {
    const z = h.dot(w).add(b)
    return i === layers.length - 1 ? z : tanh(z)
  }, x)

const loss = (z: Tensor, t: Tensor): Tensor => softplus(z).subtract(t.multiply(z)).sum()

/** Deterministic numbers in [−1, 1). */
function numbers(seed: number, count: number): number[] {
  let state = seed >>> 0
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

const array = (seed: number, shape: readonly number[]): Tensor =>
  tensor(
    numbers(
      seed,
      shape.reduce((a, b) => a * b, 1),
    ),
    { shape, dtype: 'float64' },
  )

const layersOf = (seed: number, widths: readonly number[]): Layer[] =>
  widths
    .slice(1)
    .map((outputs, i) => ({ w: array(seed + i, [widths[i], outputs]), b: array(seed + 50 + i, [outputs]) }))

const flat = (layers: readonly Layer[]): number[] =>
  layers.flatMap(({ w, b }) => [...w.readSync(), ...b.readSync()])

function unflat(values: readonly number[], like: readonly Layer[]): Layer[] {
  let at = 0
  const take = (x: Tensor): Tensor =>
    tensor(values.slice(at, (at += x.size)), { shape: x.shape, dtype: 'float64' })
  return like.map(({ w, b }) => ({ w: take(w), b: take(b) }))
}

for (const optimise of [false, true]) {
  const backend = createReferenceBackend({ optimise })
  describe(`gaussNewtonProduct on ${backend.name}`, () => {
    it('equals the explicit JᵀHJ of a small network', () => {
      withDefaultBackend(backend, () => {
        const theta = layersOf(1, [3, 4, 2])
        const [x, t, v] = [array(7, [5, 3]), array(8, [5, 2]), layersOf(20, [3, 4, 2])]
        const operator = gaussNewtonProduct(model, loss).at(theta, x, t)
        const point = flat(theta)
        const h = 1e-5
        const outputs = (values: readonly number[]): number[] => [
          ...model(unflat(values, theta), x).readSync(),
        ]
        const columns = point.map((_, j) => {
          const [up, down] = [h, -h].map((step) => outputs(point.map((p, i) => (i === j ? p + step : p))))
          return up.map((value, i) => (value - down[i]) / (2 * h))
        })
        const direction = flat(v)
        const z = outputs(point)
        const jv = z.map((_, i) => columns.reduce((sum, column, j) => sum + column[i] * direction[j], 0))
        const hjv = jv.map(
          (value, i) => (value * Math.exp(-Math.abs(z[i]))) / (1 + Math.exp(-Math.abs(z[i]))) ** 2,
        )
        const wanted = columns.map((column) => column.reduce((sum, entry, i) => sum + entry * hjv[i], 0))
        flat(operator.apply(v)).forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 7))
      })
    })

    it('needs at most four matrix products per dense layer and one fewer where the data enters', () => {
      withDefaultBackend(backend, () => {
        const operator = gaussNewtonProduct(model, loss).at(
          layersOf(1, [3, 4, 4, 2]),
          array(7, [5, 3]),
          array(8, [5, 2]),
        )
        expect(operator.executable.summary.matrixProducts).toBeLessThanOrEqual(2 + 4 + 4)
      })
    })

    it('leaves live buffers as they were after a thousand products', () => {
      withDefaultBackend(backend, () => {
        const [theta, v] = [layersOf(1, [2, 2, 1]), layersOf(2, [2, 2, 1])]
        const operator = gaussNewtonProduct(model, loss).at(theta, array(7, [2, 2]), array(8, [2, 1]))
        const before = backend.memory()
        for (let i = 0; i < 1000; i++)
          operator.apply(v).forEach(({ w, b }) => [w, b].forEach((x) => x.dispose()))
        expect(backend.memory().liveBuffers).toBe(before.liveBuffers)
        expect(backend.memory().liveBytes).toBe(before.liveBytes)
      })
    })

    it('agrees with jvp, vjp and the Hessian product where they must agree', () => {
      withDefaultBackend(backend, () => {
        const f = (x: Tensor): Tensor => tanh(x.multiply(x)).sum()
        const [x, v] = [array(3, [4]), array(4, [4])]
        const { tangent } = jvp(f)(x, v)
        const slope = grad(f)(x)
        expect(tangent.itemSync()).toBeCloseTo(slope.multiply(v).sum().itemSync(), 12)
        expect([
          ...vjp(f)(x)
            .pullback(tensor(2, { dtype: 'float64' }))
            .readSync(),
        ]).toEqual([...slope.multiply(2).readSync()].map((value): unknown => expect.closeTo(value, 12)))
        const hv = hessianVectorProduct(f).at(x).apply(v)
        const h = 1e-5
        const up = grad(f)(x.add(v.multiply(h))).readSync()
        const down = grad(f)(x.add(v.multiply(-h))).readSync()
        hv.readSync().forEach((value: number, i: number) =>
          expect(value).toBeCloseTo((up[i] - down[i]) / (2 * h), 7),
        )
      })
    })
  })
}
