// What an iteration costs, read off the fused programs and not off a clock; and that fusing changes no result.
import { createReferenceBackend, scalarLike, tensor } from '@hessian-free/tensor'
import type { Backend, Executable } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { conjugateGradient } from './conjugateGradient.ts'
import { conjugateGradientPrograms } from './conjugateGradientPrograms.ts'
import { lbfgsPreconditioner } from './preconditioners/lbfgs.ts'
import { blockTwoLoop } from './preconditioners/blockTwoLoop.ts'
import { blockLength } from './preconditioners/parameterBlocks.ts'
import { twoLoopRecursion } from './preconditioners/twoLoopRecursion.ts'
import {
  matrixOperator,
  normals,
  randomSpd,
  randomVector,
  range,
  values,
  vector,
} from './testing/linearSystems.ts'

const n = 1000
const fused = createReferenceBackend({ optimise: true })

/** For each kernel over vectors of n elements, how many of them it reads and writes. */
function passes({ summary }: Executable): number[] {
  const vectors = (text: string): number =>
    new Set([...text.matchAll(/#(\d+)(?![\d{])/g)].map(([, buffer]) => buffer)).size
  return summary.kernels.flatMap((line) => {
    if (line.startsWith(`map [${n}]`)) return [vectors(line)]
    if (!line.startsWith(`reduce [] over [${n}]`)) return []
    const [operand] = /sum\(multiply\([^()]*\)\)/.exec(line) ?? [line]
    return [vectors(operand)]
  })
}

const kernels = (executable: Executable): number => executable.summary.kernels.length

const zeroMatrix = (rows: number, columns: number) =>
  tensor(new Float64Array(rows * columns), { shape: [rows, columns], backend: fused })

describe('fused programs', () => {
  const flat = (size = n) => vector(new Array<number>(size).fill(1), fused)

  it('read and write an exact number of vectors in an iteration besides the product', () => {
    const { advance, advanceWithPair, redirect, redirectPlain } = conjugateGradientPrograms(fused)
    const [x, r, p, product, z] = range(5).map(() => flat())
    using direction = flat(3)
    using report = flat(7)
    const step = [x, r, p, product, direction] as const
    // p·Ap; x' and r' together; ‖r'‖²; ‖x'‖².
    expect(passes(advance.executableFor(...step))).toEqual([2, 6, 1, 1])
    // Pairs: s, y and x' together; then r', because no kernel binds more than eight buffers.
    expect(passes(advanceWithPair.executableFor(...step))).toEqual([2, 6, 3, 1, 1])
    // z·r; z·Ap; p'.
    expect(passes(redirect.flexible.executableFor(z, r, p, product, report))).toEqual([2, 2, 3])
    expect(passes(redirect.standard.executableFor(z, r, p, product, report))).toEqual([2, 3])
    // r·r is in the report.
    expect(passes(redirectPlain.flexible.executableFor(r, p, product, report))).toEqual([2, 3])
    expect(passes(redirectPlain.standard.executableFor(r, p, product, report))).toEqual([3])
    for (const held of [x, r, p, product, z]) held.dispose()
  })

  it('take as many kernels for the L-BFGS inverse of many pairs as of few', () => {
    const size = 2 * blockLength + 100
    using v = flat(size)
    using gamma = scalarLike(1, v)
    for (const m of [2, 8, 32]) {
      const [s, y] = [0, 1].map(() => zeroMatrix(m, size))
      const factors = { inverse: zeroMatrix(m, m), diagonal: flat(m) }
      // Two spans, the whole blocks and the rest: S v, its sum and T; twice two for Y; its sum and Tᵀ; two for Sᵀe.
      expect(kernels(blockTwoLoop.executableFor(v, { s, y }, factors, gamma))).toBe(12)
      for (const held of [s, y, factors.inverse, factors.diagonal]) held.dispose()
    }
  })

  it('take at most three kernels for a pair of the two-loop recursion, however many pairs there are', () => {
    for (const m of [2, 8, 32]) {
      const pairs = { s: range(m).map(() => flat()), y: range(m).map(() => flat()) }
      using v = flat()
      using rho = flat(m)
      using one = flat(1)
      const gamma = one.reshape([])
      expect(kernels(twoLoopRecursion.executableFor(v, pairs, rho, gamma))).toBeLessThanOrEqual(3 * m)
      for (const held of [...pairs.s, ...pairs.y, gamma]) held.dispose()
    }
    expect(fused.memory().liveBuffers).toBe(0)
  })

  it('give the same runs as programs interpreted as they stand', async () => {
    const a = randomSpd(30, 5, 0.1)
    const b = randomVector(30, normals(5))
    const runs = async (backend: Backend) => {
      const lbfgs = lbfgsPreconditioner({ pairs: 8 })
      using rightHandSide = vector(b, backend)
      const outcomes: number[][] = []
      for (const damping of [0, 0.1]) {
        await lbfgs.beginRun({ damping })
        using run = await conjugateGradient(matrixOperator(a), rightHandSide, {
          preconditioner: lbfgs,
          onPair: (pair) => lbfgs.collect(pair),
          maximumIterations: 12,
          stop: [],
        })
        expect(lbfgs.endRun(run.stopReason)).toBe(true)
        outcomes.push(
          run.history.map(({ phi }) => phi),
          values(run.solution),
        )
      }
      lbfgs.dispose()
      return outcomes.flat()
    }
    const expected = await runs(createReferenceBackend())
    const actual = await runs(fused)
    actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 8))
    expect(fused.memory().liveBuffers).toBe(0)
  })
})
