/**
 * Matrix products against plain loops, for every micro-kernel candidate, every path, any strides, prologues, accumulators
 * and epilogues, and one to four threads.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../../dtype.ts'
import { runKernel } from '../singleKernel.ts'
import type { Product } from './productCases.ts'
import {
  anyMicroKernel,
  anyProduct,
  at,
  buffers,
  check,
  checkResult,
  columnMajor,
  dense,
  expectSameBits,
  extent,
  kernelOf,
  microKernels,
  rowMajor,
  sizes,
} from './productCases.ts'

describe('a product', () => {
  it('agrees with plain loops for any sizes, strides, batches, accumulators and epilogues', () => {
    fc.assert(
      fc.property(anyProduct(sizes), anyMicroKernel, (product, microKernel) => {
        check(product, microKernel)
      }),
      { numRuns: 150 },
    )
  })

  it('of a vector agrees with plain loops', () => {
    const vectors = fc
      .tuple(sizes, fc.boolean())
      .map(([size, left]) => (left ? { ...size, rows: 1 } : { ...size, columns: 1 }))
    fc.assert(
      fc.property(anyProduct(vectors), (product) => {
        check(product)
      }),
      { numRuns: 80 },
    )
  })

  it('of few rows or columns, or of many of both, agrees with plain loops', () => {
    const few = fc.integer({ min: 1, max: 14 })
    const many = fc.integer({ min: 65, max: 90 })
    const shapes = fc
      .record({ batch: fc.constantFrom(1, 1, 2), few, many, more: many, way: fc.nat(2), depth: extent })
      .map(({ batch, few, many, more, way, depth }) => ({
        ...{ batch, depth },
        rows: way === 0 ? few : many,
        columns: way === 1 ? few : more,
      }))
    fc.assert(
      fc.property(anyProduct(shapes), anyMicroKernel, (product, microKernel) => {
        check(product, microKernel)
      }),
      { numRuns: 80 },
    )
  })

  it('crosses every block boundary', () => {
    for (const [batch, rows, columns, depth] of [
      [1, 129, 9, 321],
      [1, 257, 24, 641],
      [1, 3, 1100, 3],
      [2, 140, 133, 10],
      [2, 70, 67, 330],
    ] as const) {
      const left: [number, number, number] = [batch, rows, depth]
      const right: [number, number, number] = [batch, depth, columns]
      const product: Product = {
        ...dense(batch, rows, columns, depth),
        ...(batch > 1 && depth > 300
          ? {
              lhsPrologue: { other: columnMajor(...left), index: { offset: 1, strides: [0, 1, 0] } },
              rhsPrologue: { other: columnMajor(...right), index: { offset: 0, strides: [2, 0, 0] } },
            }
          : {}),
      }
      const { kernel, arrays } = kernelOf(product)
      const firsts = new Map<string, TypedArray[]>()
      for (const microKernel of microKernels) {
        const got = runKernel(kernel, arrays, { microKernel })
        const first = firsts.get(microKernel.multiplyAdd)
        if (first === undefined) {
          checkResult(product, arrays, got)
          firsts.set(microKernel.multiplyAdd, got)
        } else expectSameBits(got, first)
        expectSameBits(runKernel(kernel, arrays, { microKernel, threads: 3 }), got)
      }
    }
  })

  it('gives the same bits whichever micro-kernel of one rounding is chosen', () => {
    for (const multiplyAdd of ['separate', 'relaxed'] as const) {
      const chosen = microKernels.filter((each) => each.multiplyAdd === multiplyAdd)
      for (const product of [dense(1, 61, 53, 700), dense(3, 20, 10, 33), dense(1, 1, 70, 50)]) {
        const results = chosen.map((microKernel) => check(product, microKernel))
        for (const other of results) expect(other).toEqual(results[0])
      }
    }
  })

  it('gives the same bits for plain and transposed operands', () => {
    for (const [rows, columns, depth] of [
      [30, 26, 400],
      [90, 70, 60],
      [4, 100, 35],
    ]) {
      const values = (i: number, j: number): number => Math.fround(Math.sin(i * 7.1 + j * 3.3))
      const results = [rowMajor, columnMajor].flatMap((left) =>
        [rowMajor, columnMajor].map((right) => {
          const product = {
            ...dense(1, rows, columns, depth),
            lhs: left(1, rows, depth),
            rhs: right(1, depth, columns),
          }
          const { kernel, arrays } = kernelOf(product)
          for (let k = 0; k < depth; k++) {
            for (let i = 0; i < rows; i++) arrays[buffers.lhs][at(product.lhs, 0, i, k)] = values(i, k)
            for (let j = 0; j < columns; j++)
              arrays[buffers.rhs][at(product.rhs, 0, k, j)] = values(k, j + 50)
          }
          return runKernel(kernel, arrays)[buffers.output]
        }),
      )
      for (const other of results) expect(other).toEqual(results[0])
    }
  })

  it('without terms is the accumulator, or zero', () => {
    for (const accumulator of [undefined, 'inPlace', rowMajor(2, 3, 5)] as const)
      for (const epilogue of ['none', 'activation'] as const)
        check({
          ...dense(2, 3, 5, 0),
          lhs: { offset: 0, strides: [0, 0, 0] },
          rhs: { offset: 0, strides: [0, 0, 0] },
          ...(accumulator === undefined ? {} : { accumulator }),
          epilogue,
          bias: { offset: 0, strides: [0, 0, 1] },
        })
  })

  it('keeps infinities and NaN to the elements they belong to, also at the edges', () => {
    const product = dense(1, 9, 11, 13)
    const { kernel, arrays } = kernelOf(product)
    arrays[buffers.lhs][8 * 13 + 2] = Infinity
    arrays[buffers.rhs][5 * 11 + 10] = NaN
    const [, , got] = runKernel(kernel, arrays)
    got.forEach((value, i) => {
      const [row, column] = [Math.floor(i / 11), i % 11]
      expect(Number.isFinite(value), `[${row},${column}]`).toBe(row !== 8 && column !== 10)
    })
  })
})
