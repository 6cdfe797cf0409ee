// Oracles: every parameter is met once and in order; sums by loops in float64.
import { createReferenceBackend, createWasmBackend, jit, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normals, range } from '../testing/linearSystems.ts'
import type { ParameterSpan } from './parameterBlocks.ts'
import {
  blockLength,
  cachedSpans,
  combination,
  innerProducts,
  joinSpans,
  spanOfMatrix,
  spanOfVector,
  wholeSpans,
} from './parameterBlocks.ts'

describe('spans', () => {
  const followsOn = (spans: readonly ParameterSpan[], n: number): void => {
    let next = 0
    for (const { start, blocks, length } of spans) {
      expect(start).toBe(next)
      expect(blocks * length).toBeGreaterThan(0)
      next += blocks * length
    }
    expect(next).toBe(n)
  }

  it('divide the parameters without gap or overlap, into few parts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e8 }),
        fc.integer({ min: 1, max: 200 }),
        fc.constantFrom(blockLength, 512),
        (n, m, length) => {
          followsOn(wholeSpans(n), n)
          expect(wholeSpans(n).length).toBeLessThanOrEqual(2)
          followsOn(cachedSpans(n, m, length), n)
          expect(cachedSpans(n, m, length).length).toBeLessThanOrEqual(66)
        },
      ),
    )
  })

  it('of the MNIST autoencoder hold 32 pairs in 16 MiB each', () => {
    const spans = cachedSpans(2_837_314, 32)
    for (const { blocks, length } of spans) expect(4 * 32 * blocks * length).toBeLessThanOrEqual(2 ** 24)
    expect(spans.length).toBe(23)
  })
})

describe('products with a matrix of pairs', () => {
  const cut = jit(
    (v: Tensor, m: Tensor, c: Tensor) => ({
      products: innerProducts(m, v),
      combined: joinSpans(wholeSpans(v.size).map((span) => combination(c, spanOfMatrix(m, span)))),
      again: joinSpans(wholeSpans(v.size).map((span) => spanOfVector(v, span))),
    }),
    { name: 'cut' },
  )

  it.each([1, 7, blockLength - 1, blockLength, 2 * blockLength + 5])(
    'of %d parameters are those by loops, to the rounding of float32',
    (n) => {
      const [draw, m] = [normals(n), 5]
      const matrix = Float32Array.from({ length: m * n }, draw)
      const vector = Float32Array.from({ length: n }, draw)
      const row = (i: number): Float32Array => matrix.subarray(i * n, (i + 1) * n)
      const coefficients = [1, -2, 0.5, 3, 0]
      for (const backend of [createReferenceBackend({ optimise: true }), createWasmBackend()]) {
        using p = tensor(matrix, { shape: [m, n], backend })
        using v = tensor(vector, { backend })
        using c = tensor(Float32Array.from(coefficients), { backend })
        const { products, combined, again } = cut(v, p, c)
        const sums = products.readSync()
        for (const i of range(m)) {
          const size = Math.sqrt(
            row(i).reduce((sum, x) => sum + x * x, 0) * vector.reduce((sum, x) => sum + x * x, 0),
          )
          const exact = row(i).reduce((sum, x, k) => sum + x * vector[k], 0)
          expect(Math.abs(sums[i] - exact)).toBeLessThan(2 ** -22 * size)
        }
        const joined = combined.readSync()
        for (const k of range(n)) {
          const exact = coefficients.reduce((sum, each, i) => sum + each * row(i)[k], 0)
          if (Math.abs(joined[k] - exact) > 1e-5) expect(joined[k]).toBe(exact)
        }
        expect([...again.readSync()]).toEqual([...vector])
        for (const result of [products, combined, again]) result.dispose()
        backend.dispose()
      }
    },
  )

  it('add millions of equal terms, whose roundings all point one way, with an error below 4e-6', () => {
    const n = 2_837_314
    const backend = createWasmBackend()
    using p = tensor(new Float32Array(n).fill(0.1), { shape: [1, n], backend })
    using v = tensor(new Float32Array(n).fill(0.3), { backend })
    const sum = jit((a: Tensor, b: Tensor) => innerProducts(a, b), { name: 'sum' })
    using result = sum(p, v)
    const exact = n * Math.fround(0.1) * Math.fround(0.3)
    expect(Math.abs(result.readSync()[0] / exact - 1)).toBeLessThan(4e-6)
    backend.dispose()
  })
})
