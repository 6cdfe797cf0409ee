/**
 * Matrix products against plain loops, for every micro-kernel candidate, every path, any strides, prologues, accumulators
 * and epilogues, and one to four threads.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DtypeError } from '../../errors.ts'
import type { DotKernel } from '../../kernel/kernel.ts'
import { runKernel } from '../singleKernel.ts'
import {
  anyMicroKernel,
  anyProduct,
  at,
  buffers,
  check,
  columnMajor,
  dense,
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
        check(product, { microKernel })
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
        check(product, { microKernel })
      }),
      { numRuns: 80 },
    )
  })

  it('agrees with plain loops on both sides of every choice of a path', () => {
    const edges = [
      ...[1, 2, 12, 13].flatMap((rows) => [1, 2, 64, 65].map((columns) => [rows, columns, 9] as const)),
      ...[1, 4, 5].map((depth) => [70, 90, depth] as const),
      ...[12, 13].flatMap((rows) => [64, 65].map((depth) => [rows, 64, depth] as const)),
      ...[5119, 5120].flatMap((depth) => [31, 32].map((rows) => [rows, 32, depth] as const)),
      ...[32, 33].map((columns) => [1024, columns, 5] as const),
    ]
    for (const [rows, columns, depth] of edges) {
      const orders = depth > 100 ? [rowMajor] : [rowMajor, columnMajor]
      for (const left of orders) {
        for (const right of orders) {
          const operands = { lhs: left(1, rows, depth), rhs: right(1, depth, columns) }
          check({ ...dense(1, rows, columns, depth), ...operands })
        }
      }
    }
  })

  it('is +0 where all terms are −0, whichever way it goes', () => {
    for (const [rows, columns, depth] of [
      [8, 8, 1],
      [8, 8, 4],
      [8, 8, 9],
      [1, 40, 9],
      [80, 80, 9],
    ] as const) {
      const { kernel, arrays } = kernelOf(dense(1, rows, columns, depth))
      arrays[0].fill(-0)
      arrays[1].fill(1)
      const got = runKernel(kernel, arrays)[kernel.stores[0].buffer]
      expect([...got].slice(0, rows * columns).every((value) => Object.is(value, 0))).toBe(true)
    }
  })

  it('packs a left operand that steps through memory in whole pages, for many columns', () => {
    const stagesOf = (rows: number, columns: number): number => {
      const product = { ...dense(1, rows, columns, 5), lhs: columnMajor(1, rows, 5) }
      const { kernel, arrays } = kernelOf(product)
      let count = 0
      runKernel(kernel, arrays, { onStages: (stages) => (count = stages.length) })
      return count
    }
    const inPlace = stagesOf(1020, 40)
    expect(stagesOf(1024, 40)).toBeGreaterThan(inPlace)
    expect(stagesOf(1024, 32)).toBe(inPlace)
  })

  it('of few results from a great depth agrees with plain loops', () => {
    const deep = fc.record({
      batch: fc.constant(1),
      rows: fc.integer({ min: 1, max: 6 }),
      columns: fc.integer({ min: 1, max: 6 }),
      depth: fc.constantFrom(5119, 5120, 5121, 9001),
    })
    fc.assert(
      fc.property(anyProduct(deep), anyMicroKernel, (product, microKernel) => {
        check(product, { microKernel })
      }),
      { numRuns: 25 },
    )
  })

  it('gives the same bits whichever micro-kernel of one rounding is chosen', () => {
    for (const multiplyAdd of ['separate', 'relaxed'] as const) {
      const chosen = microKernels.filter((each) => each.multiplyAdd === multiplyAdd)
      for (const product of [
        dense(1, 61, 53, 700),
        dense(3, 20, 10, 33),
        dense(1, 1, 70, 50),
        dense(1, 7, 5, 6000),
      ]) {
        const results = chosen.map((microKernel) => check(product, { microKernel }))
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

  it('of another dtype than float32 is refused by name', () => {
    for (const dtype of ['float64', 'int32', 'uint32'] as const) {
      for (const depth of [0, 3, 6000]) {
        const { kernel, arrays } = kernelOf({ ...dense(1, 2, 4, depth) })
        const other: DotKernel = { ...kernel, dtype, epilogue: [{ kind: 'result', dtype }] }
        const run = () => runKernel(other, arrays)
        expect(run).toThrow(DtypeError)
        expect(run).toThrow(dtype)
      }
    }
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
