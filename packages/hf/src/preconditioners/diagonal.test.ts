// Oracle: the definition M = (diag(d) + λI)^ξ, element by element.
import { ArgumentError, ShapeError, createReferenceBackend, tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from '../conjugateGradient.ts'
import { residualReduction } from '../stopRules/residualReduction.ts'
import { diagonalMatrix, matrixOperator, range, values, vector } from '../testing/linearSystems.ts'
import { diagonalPreconditioner } from './diagonal.ts'
import { identityPreconditioner } from './identity.ts'

const backend = createReferenceBackend()

describe('diagonalPreconditioner', () => {
  it('divides by (d + λ)^ξ and leaves d and the residual as they are', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.double({ min: 0, max: 1e3, noNaN: true }), fc.double({ min: -9, max: 9, noNaN: true })),
          {
            minLength: 1,
            maxLength: 9,
          },
        ),
        fc.double({ min: 1e-6, max: 10, noNaN: true }),
        fc.constantFrom(0.5, 0.75, 1),
        (pairs, damping, exponent) => {
          const before = backend.memory().liveBytes
          {
            using d = vector(
              pairs.map(([x]) => x),
              backend,
            )
            using r = vector(
              pairs.map(([, x]) => x),
              backend,
            )
            const preconditioner = diagonalPreconditioner(d, { damping, exponent })
            using z = preconditioner.apply(r)
            const expected = pairs.map(([x, y]) => y / (x + damping) ** exponent)
            values(z).forEach((value, i) =>
              expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(1e-13 * Math.abs(expected[i])),
            )
            expect(values(r)).toEqual(pairs.map(([, x]) => x))
            preconditioner.dispose()
          }
          expect(backend.memory().liveBytes).toBe(before)
        },
      ),
    )
  })

  it('has exponent 3/4 by default', () => {
    using d = vector([15], backend)
    using r = vector([16], backend)
    const preconditioner = diagonalPreconditioner(d, { damping: 1 })
    using z = preconditioner.apply(r)
    expect(values(z)[0]).toBeCloseTo(2, 12)
    preconditioner.dispose()
  })

  it('solves a diagonal system in one iteration with exponent 1', async () => {
    const d = range(20).map((i) => (i + 1) ** 2)
    using diagonal = vector(d, backend)
    using b = vector(new Array<number>(20).fill(1), backend)
    const preconditioner = diagonalPreconditioner(diagonal, { damping: 0, exponent: 1 })
    using result = await conjugateGradient(matrixOperator(diagonalMatrix(d)), b, {
      preconditioner,
      stop: [residualReduction({ relative: 1e-12 })],
    })
    expect(result.iterations).toBe(1)
    preconditioner.dispose()
  })

  it('refuses a matrix, a negative damping and an exponent outside (0, 1]', () => {
    using d = vector([1], backend)
    using matrix = tensor([[1]], { backend, dtype: 'float64' })
    expect(() => diagonalPreconditioner(matrix, { damping: 1 })).toThrow(ShapeError)
    expect(() => diagonalPreconditioner(d, { damping: -1 })).toThrow(ArgumentError)
    expect(() => diagonalPreconditioner(d, { damping: 1, exponent: 1.5 })).toThrow(ArgumentError)
  })
})

describe('identityPreconditioner', () => {
  it('copies, and tells solvers that they may skip it', () => {
    using r = vector([1, 2], backend)
    const preconditioner = identityPreconditioner()
    using z = preconditioner.apply(r)
    expect(preconditioner.isIdentity).toBe(true)
    expect(z).not.toBe(r)
    expect(values(z)).toEqual([1, 2])
  })
})
