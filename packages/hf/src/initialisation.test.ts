// Oracles: counts and moments; the definitions of the counters.
import { ArgumentError, createReferenceBackend, randomKey } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { glorotInitialisation, sparseInitialisation } from './initialisation.ts'
import { WorkCounter, casesProcessed, workUnits } from './workCounter.ts'

const backend = createReferenceBackend()

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
    const mean = drawn.reduce((a, x) => a + x) / drawn.length
    const variance = drawn.reduce((a, x) => a + (x - mean) ** 2, 0) / drawn.length
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

it("Glorot's initialisation fills ±√(6 / (inputs + outputs)) and no more", () => {
  const values = [
    ...glorotInitialisation(randomKey(1), [50, 100], { backend, dtype: 'float64' })[0].w.readSync(),
  ]
  const limit = Math.sqrt(6 / 150)
  expect(Math.max(...values)).toBeLessThanOrEqual(limit)
  expect(Math.max(...values)).toBeGreaterThan(0.99 * limit)
  expect(Math.min(...values)).toBeLessThan(-0.99 * limit)
})

it('widths that make no network are refused', () => {
  expect(() => sparseInitialisation(randomKey(1), [3], { backend })).toThrow(ArgumentError)
  expect(() => glorotInitialisation(randomKey(1), [3, 0], { backend })).toThrow(ArgumentError)
})

it('work is counted by kind, in cases and in forward passes of one case', () => {
  const counter = new WorkCounter()
  counter.add({ lossCases: 10 })
  counter.add({ gradientCases: 5, productCases: 6, products: 2, linearizedCases: 3 })
  expect(casesProcessed(counter.total)).toBe(24)
  expect(workUnits(counter.total)).toBe(10 + 15 + 24 + 3)
})
