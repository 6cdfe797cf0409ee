// Oracles: counts and moments; the definitions of the counters.
import { ArgumentError, createReferenceBackend, randomKey } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { glorotInitialisation, sparseInitialisation } from './initialisation.ts'
import { WorkCounter, casesProcessed, noWork, workUnits } from './workCounter.ts'

const backend = createReferenceBackend()

const moments = (values: readonly number[]): { mean: number; variance: number } => {
  const mean = values.reduce((a, x) => a + x, 0) / values.length
  return { mean, variance: values.reduce((a, x) => a + (x - mean) ** 2, 0) / values.length }
}

describe('sparse initialisation', () => {
  const [{ w, b }] = sparseInitialisation(randomKey(3), [200, 300], { backend })
  const weights = [...w.readSync()]

  it('gives every unit at most 15 incoming weights, nearly always all of them, and no bias', () => {
    const counts = Array.from(
      { length: 300 },
      (_, unit) =>
        Array.from({ length: 200 }, (__, input) => weights[input * 300 + unit]).filter((value) => value !== 0)
          .length,
    )
    expect(Math.max(...counts)).toBeLessThanOrEqual(15)
    expect(counts.reduce((a, x) => a + x) / 300).toBeGreaterThan(14)
    expect([...b.readSync()].every((value) => value === 0)).toBe(true)
  })

  it('draws them from the standard normal distribution', () => {
    const drawn = weights.filter((value) => value !== 0)
    const { mean, variance } = moments(drawn)
    expect(Math.abs(mean)).toBeLessThan(0.06)
    expect(Math.abs(variance - 1)).toBeLessThan(0.08)
  })

  it('is the same for the same key and another for another', () => {
    const again = sparseInitialisation(randomKey(3), [200, 300], { backend })[0].w.readSync()
    const other = sparseInitialisation(randomKey(4), [200, 300], { backend })[0].w.readSync()
    expect([...again]).toEqual(weights)
    expect([...other]).not.toEqual(weights)
  })
})

it('sparse initialisation takes other numbers of connections and scales, down to none', () => {
  const [few] = sparseInitialisation(randomKey(3), [100, 400], { backend, connections: 4, scale: 0.1 })
  const drawn = [...few.w.readSync()].filter((value) => value !== 0)
  expect(drawn.length).toBeLessThanOrEqual(4 * 400)
  expect(drawn.length).toBeGreaterThan(3.8 * 400)
  expect(Math.abs(Math.sqrt(moments(drawn).variance) - 0.1)).toBeLessThan(0.008)
  const [none] = sparseInitialisation(randomKey(3), [5, 7], { backend, connections: 0 })
  expect([...none.w.readSync()].every((value) => value === 0)).toBe(true)
  for (const connections of [-1, 1.5, NaN]) {
    expect(() => sparseInitialisation(randomKey(3), [5, 7], { backend, connections })).toThrow(ArgumentError)
  }
})

it.each([sparseInitialisation, glorotInitialisation])(
  'both rules draw layers from keys of their own, alike in both precisions up to rounding (%#)',
  (initialise) => {
    const [exact, single] = (['float64', 'float32'] as const).map((dtype) =>
      initialise(randomKey(8), [30, 30, 30], { backend, dtype }),
    )
    expect(exact.map(({ w, b }) => [w.shape, b.shape])).toEqual([
      [[30, 30], [30]],
      [[30, 30], [30]],
    ])
    exact.forEach(({ w, b }, layer) => {
      expect([...single[layer].w.readSync()]).toEqual([...w.readSync()].map(Math.fround))
      expect([...b.readSync()].every((value) => value === 0)).toBe(true)
    })
    expect([...exact[0].w.readSync()]).not.toEqual([...exact[1].w.readSync()])
  },
)

it("Glorot's initialisation fills ±√(6 / (inputs + outputs)) and no more", () => {
  const values = [
    ...glorotInitialisation(randomKey(1), [50, 100], { backend, dtype: 'float64' })[0].w.readSync(),
  ]
  const limit = Math.sqrt(6 / 150)
  expect(Math.max(...values)).toBeLessThanOrEqual(limit)
  expect(Math.max(...values)).toBeGreaterThan(0.99 * limit)
  expect(Math.min(...values)).toBeLessThan(-0.99 * limit)
  const { mean, variance } = moments(values)
  expect(Math.abs(mean)).toBeLessThan(0.05 * limit)
  expect(Math.abs(variance / (limit ** 2 / 3) - 1)).toBeLessThan(0.05)
})

it('widths that make no network are refused', () => {
  expect(() => sparseInitialisation(randomKey(1), [3], { backend })).toThrow(ArgumentError)
  expect(() => glorotInitialisation(randomKey(1), [3, 0], { backend })).toThrow(ArgumentError)
})

it('totals of work are immutable, start at nothing or where they are told', () => {
  const counter = new WorkCounter()
  expect(counter.total).toEqual(noWork)
  const early = counter.total
  counter.add({ products: 3 })
  counter.add({})
  expect(early.products).toBe(0)
  expect(counter.total).toEqual({ ...noWork, products: 3 })
  const resumed = new WorkCounter({ ...noWork, lossCases: 7 })
  resumed.add({ lossCases: 1 })
  expect(resumed.total.lossCases).toBe(8)
})

it('work is counted by kind, in cases and in forward passes of one case', () => {
  const counter = new WorkCounter()
  counter.add({ lossCases: 10 })
  counter.add({ gradientCases: 5, productCases: 6, products: 2, linearizedCases: 3 })
  expect(casesProcessed(counter.total)).toBe(24)
  expect(workUnits(counter.total)).toBe(10 + 15 + 24 + 3)
})
