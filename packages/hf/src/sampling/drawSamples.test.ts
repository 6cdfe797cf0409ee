// Oracles: sets for distinctness and inclusion; a χ² bound for uniformity.
import { ArgumentError, randomKey } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawSamples } from './drawSamples.ts'

const sizes = fc
  .record({ curvature: fc.integer({ min: 1, max: 20 }), more: fc.nat(30), rest: fc.nat(100) })
  .map(({ curvature, more, rest }) => ({
    curvature,
    gradient: curvature + more,
    population: curvature + more + rest,
  }))

describe('drawSamples', () => {
  it('draws distinct cases, the curvature sample inside the gradient sample', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(1000), sizes, (seed, iteration, wanted) => {
        const { gradient, curvature } = drawSamples(randomKey(seed), iteration, wanted)
        const inGradient = new Set(gradient)
        expect(inGradient.size).toBe(wanted.gradient)
        expect(new Set(curvature).size).toBe(wanted.curvature)
        expect(curvature.every((index) => inGradient.has(index))).toBe(true)
        expect(gradient.every((index) => index < wanted.population)).toBe(true)
      }),
    )
  })

  it('draws the same for the same key and iteration, whatever was drawn before, and anew for another', () => {
    const wanted = { population: 1000, gradient: 100, curvature: 20 }
    const at = (seed: number, iteration: number) => drawSamples(randomKey(seed), iteration, wanted)
    const seventh = at(3, 7)
    at(3, 8)
    expect(at(3, 7)).toEqual(seventh)
    expect(at(3, 8)).not.toEqual(seventh)
    expect(at(4, 7)).not.toEqual(seventh)
  })

  it('takes the whole population in order when the gradient sample is full, and still draws curvature', () => {
    const { gradient, curvature } = drawSamples(randomKey(1), 0, {
      population: 50,
      gradient: 50,
      curvature: 10,
    })
    expect([...gradient]).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect([...curvature]).not.toEqual([...curvature].sort((a, b) => a - b))
  })

  it('reaches every case equally often', () => {
    const population = 40
    const times = 2000
    const counts = {
      gradient: new Array<number>(population).fill(0),
      curvature: new Array<number>(population).fill(0),
    }
    for (let iteration = 0; iteration < times; iteration++) {
      const drawn = drawSamples(randomKey(5), iteration, { population, gradient: 20, curvature: 8 })
      for (const index of drawn.gradient) counts.gradient[index]++
      for (const index of drawn.curvature) counts.curvature[index]++
    }
    for (const [name, size] of [
      ['gradient', 20],
      ['curvature', 8],
    ] as const) {
      const expected = (times * size) / population
      const spread = expected * (1 - size / population)
      const statistic = counts[name].reduce((sum, count) => sum + (count - expected) ** 2 / spread, 0)
      // Mean 40, standard deviation 9.
      expect(statistic).toBeLessThan(85)
      expect(statistic).toBeGreaterThan(12)
    }
  })

  it('refuses a curvature sample larger than the gradient sample, and an empty one', () => {
    expect(() => drawSamples(randomKey(1), 0, { population: 9, gradient: 3, curvature: 4 })).toThrow(
      ArgumentError,
    )
    expect(() => drawSamples(randomKey(1), 0, { population: 9, gradient: 3, curvature: 0 })).toThrow(
      ArgumentError,
    )
  })
})
