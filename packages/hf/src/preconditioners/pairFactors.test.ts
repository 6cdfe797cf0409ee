// Oracles: R R⁻¹ = I by loops; the bound of the file's proof; the guard's inequality.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  innerProduct,
  matrixVector,
  normals,
  randomSpd,
  randomVector,
  range,
} from '../testing/linearSystems.ts'
import type { Matrix } from '../testing/linearSystems.ts'
import { invertUpper, pairFactors } from './pairFactors.ts'

/** As `pairProducts` lays them out. */
function productsOf(s: Matrix, y: Matrix): number[] {
  return [
    ...s.flatMap((each) => y.map((other) => innerProduct(each, other))),
    ...s.map((each) => innerProduct(each, each)),
    ...y.map((each) => innerProduct(each, each)),
  ]
}

const runs = fc.record({
  n: fc.integer({ min: 2, max: 12 }),
  m: fc.integer({ min: 1, max: 30 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
})

describe('the factors of pairs (s, A s)', () => {
  it('are R⁻¹, the diagonal of R, and the scale of the newest pair', () => {
    fc.assert(
      fc.property(runs, ({ n, m, seed }) => {
        const a = randomSpd(n, seed, 0.1)
        const s = range(m).map((i) => randomVector(n, normals(seed + i)))
        const y = s.map((each) => matrixVector(a, each))
        const { kept, inverse, diagonal, gamma } = pairFactors(productsOf(s, y), m, 1e-12)
        expect(kept).toEqual(range(m))
        for (const i of range(m)) {
          expect(diagonal[i]).toBeCloseTo(innerProduct(s[i], y[i]), 12)
          for (const j of range(m)) {
            const entry = range(m)
              .filter((k) => k >= i)
              .reduce((sum, k) => sum + innerProduct(s[i], y[k]) * inverse[k * m + j], 0)
            expect(Math.abs(entry - (i === j ? 1 : 0))).toBeLessThan(1e-9)
          }
        }
        expect(gamma).toBeCloseTo(diagonal[m - 1] / innerProduct(y[m - 1], y[m - 1]), 12)
      }),
    )
  })

  it('have an inverse of norm 2 at most when scaled, even for more pairs than dimensions and parallel ones', () => {
    fc.assert(
      fc.property(runs, fc.boolean(), ({ n, m, seed }, parallel) => {
        const a = randomSpd(n, seed, 1e-3)
        const base = randomVector(n, normals(seed))
        const s = range(m).map((i) => {
          const other = randomVector(n, normals(seed + i))
          return parallel ? base.map((x, k) => (-1) ** i * x + 1e-3 * other[k]) : other
        })
        const y = s.map((each) => matrixVector(a, each))
        const { kept, inverse, diagonal } = pairFactors(productsOf(s, y), m, 0)
        expect(kept).toEqual(range(m))
        // ‖T̂ x‖ ≤ 2 ‖x‖ along the vectors that power iteration with T̂ᵀT̂ finds.
        const scaled = range(m).map((i) =>
          range(m).map((j) => inverse[i * m + j] * Math.sqrt(diagonal[i] * diagonal[j])),
        )
        const transposed = range(m).map((i) => scaled.map((row) => row[i]))
        let x = randomVector(m, normals(seed + 99))
        for (let k = 0; k < 30; k++) {
          const next = matrixVector(transposed, matrixVector(scaled, x))
          const growth = Math.sqrt(innerProduct(next, next) / innerProduct(x, x))
          expect(growth).toBeLessThanOrEqual(4 * (1 + 1e-6))
          x = next.map((value) => value / growth)
        }
      }),
    )
  })
})

describe('the guard', () => {
  const s = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]

  it('drops pairs of negative, tiny or infinite curvature and makes the factors of the others', () => {
    const y = [
      [2, 0, 0],
      [0, -1, 0],
      [0, 0, 4],
    ]
    const { kept, inverse, diagonal, gamma } = pairFactors(productsOf(s, y), 3, 1e-8)
    expect(kept).toEqual([0, 2])
    expect([...inverse]).toEqual([0.5, 0, 0, 0.25])
    expect([...diagonal]).toEqual([2, 4])
    expect(gamma).toBe(0.25)
    const angle = (sine: number) => pairFactors(productsOf([[1, 0]], [[sine, 1]]), 1, 1e-3).kept
    expect(angle(2e-3)).toEqual([0])
    expect(angle(0.5e-3)).toEqual([])
    const scale = (size: number) => pairFactors(productsOf([[size]], [[size]]), 1, 1e-8).kept
    expect(scale(1e-15)).toEqual([0])
    expect(scale(1e-25)).toEqual([])
    expect(pairFactors(productsOf([[1]], [[NaN]]), 1, 0).kept).toEqual([])
  })

  it('leaves γ = 1 and nothing else where no pair passes', () => {
    const refused = pairFactors(productsOf([[1]], [[-1]]), 1, 0)
    expect(refused.kept).toEqual([])
    expect(refused.inverse).toHaveLength(0)
    expect(refused.gamma).toBe(1)
  })

  it('inverts triangles with large entries above the diagonal by substitution', () => {
    expect([...invertUpper(Float64Array.of(1, 1e6, 0, 2), 2)]).toEqual([1, -5e5, 0, 0.5])
  })
})
