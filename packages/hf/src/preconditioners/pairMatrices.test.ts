// Oracles: the rows by loops; the backend's own count of memory.
import { createReferenceBackend, createWasmBackend, tensor } from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { innerProduct, normals, range } from '../testing/linearSystems.ts'
import { disposeMatrices, pairProducts, selectPairs, shiftMatrices, stackPairs } from './pairMatrices.ts'

const n = 1500
const rowsOf = (seed: number, m: number): number[][] => {
  const draw = normals(seed)
  return range(m).map(() => [...Float32Array.from({ length: n }, draw)])
}
const upload = (backend: Backend, s: readonly number[][], y: readonly number[][]) => {
  const vector = (values: readonly number[]) => tensor(Float32Array.from(values), { backend })
  return s.map((each, i) => ({ iteration: i + 1, s: vector(each), y: vector(y[i]) }))
}

describe.each([
  ['reference', createReferenceBackend({ optimise: true })],
  ['wasm', createWasmBackend()],
] as const)('pairs as matrices on the %s backend', (_, backend) => {
  const [s, y] = [rowsOf(1, 5), rowsOf(2, 5)]

  it('are the pairs, moved to another damping; moved again in place; and a choice of them', () => {
    let matrices = stackPairs(upload(backend, s, y), 0.5)
    const rows = (by: number, chosen: readonly number[]) =>
      chosen.flatMap((i) => y[i].map((value, k) => value + by * s[i][k]))
    const agrees = (by: number, chosen: readonly number[]): void => {
      expect([...matrices.s.readSync()]).toEqual(chosen.flatMap((i) => s[i]))
      const expected = rows(by, chosen)
      const difference = [...matrices.y.readSync()].map((value, k) => Math.abs(value - expected[k]))
      expect(Math.max(...difference)).toBeLessThan(3e-6)
    }
    const rowsOfAll = range(5)
    agrees(0.5, rowsOfAll)
    matrices = shiftMatrices(matrices, -0.25)
    agrees(0.25, rowsOfAll)
    matrices = selectPairs(matrices, [0, 3, 4])
    agrees(0.25, [0, 3, 4])
    disposeMatrices(matrices)
    expect(backend.memory().liveBuffers).toBe(0)
  })

  it('have the inner products that the factors are made of', () => {
    const matrices = stackPairs(upload(backend, s, y), 0)
    using products = pairProducts(matrices)
    const values = products.readSync()
    const size = (a: readonly number[]): number => Math.sqrt(innerProduct(a, a))
    for (const i of range(5)) {
      for (const j of range(5)) {
        const error = Math.abs(values[5 * i + j] - innerProduct(s[i], y[j]))
        expect(error).toBeLessThan(2 ** -23 * size(s[i]) * size(y[j]))
      }
      expect(values[25 + i]).toBeCloseTo(innerProduct(s[i], s[i]), 2)
      expect(values[30 + i]).toBeCloseTo(innerProduct(y[i], y[i]), 2)
    }
    disposeMatrices(matrices)
  })

  it('need a second copy only until they are made', () => {
    const pairs = upload(backend, s, y)
    const before = backend.memory().liveBytes
    const matrices = stackPairs(pairs, 0.1)
    expect(backend.memory().liveBytes).toBe(before)
    disposeMatrices(matrices)
  })
})
