/**
 * Products of packed operands: whole and in super-blocks, across every block boundary, and the memory that panels take.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../../dtype.ts'
import { createAddressTable } from '../addressTable.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import { runKernel } from '../singleKernel.ts'
import type { Stage } from '../stage.ts'
import { importMatrixFunctions, importMemory } from './matrixModule.ts'
import { defaultPackedBytes } from './packedProduct.ts'
import type { Product } from './productCases.ts'
import {
  anyProduct,
  buffers,
  check,
  checkResult,
  columnMajor,
  dense,
  expectSameBits,
  kernelOf,
  microKernels,
  result,
  rowMajor,
} from './productCases.ts'
import { productStages } from './productStages.ts'

describe('a product of packed operands', () => {
  it('agrees with plain loops where its operands are packed in parts', () => {
    // Blocks are eight wide at the least: more of them would only be more code.
    const some = fc.integer({ min: 1, max: 36 })
    const wide = fc.record({ batch: fc.constantFrom(1, 1, 3), rows: some, columns: some, depth: some })
    fc.assert(
      fc.property(anyProduct(wide), fc.constantFrom(300, 1000, 4000), (product, packedBytes) => {
        check(product, { packedBytes })
      }),
      { numRuns: 80 },
    )
  })

  it('has the same bits in parts of the rows and columns as whole', () => {
    const product = dense(1, 200, 300, 70)
    const { kernel, arrays } = kernelOf(product)
    const whole = runKernel(kernel, arrays)
    for (const packedBytes of [1e6, 4 * 96 * 70, 4 * 50 * 70]) {
      let units: number[] = []
      const onStages = (stages: readonly Stage[]): void => {
        units = stages.map((stage) => stage.units)
      }
      expectSameBits(runKernel(kernel, arrays, { packedBytes, onStages, threads: 2 }), whole)
      const blocks = packedBytes === 1e6 ? 1 : packedBytes > 20000 ? 3 * 4 : 5 * 7
      expect(units.length).toBeGreaterThanOrEqual(2 * blocks)
    }
  })

  it('takes no more scratch memory than two operands of the limit, unless it is small', () => {
    const module = createModuleBuilder()
    importMemory(module, {})
    const matrix = importMatrixFunctions(module, microKernels[0])
    for (const [rows, columns, depth] of [
      [60_000, 1000, 784],
      [784, 1000, 60_000],
      [784, 60_000, 1000],
    ]) {
      const table = createAddressTable(7, () => false)
      const context = { module, buffers: [], matrix, ...table }
      productStages(context, {
        kind: 'dot',
        ...{ batch: 1, rows, columns, depth, dtype: 'float32' },
        lhs: { kind: 'load', buffer: buffers.lhs, view: rowMajor(1, rows, depth) },
        rhs: { kind: 'load', buffer: buffers.rhs, view: rowMajor(1, depth, columns) },
        epilogue: [result],
        stores: [{ node: 0, buffer: buffers.output, view: rowMajor(1, rows, columns) }],
      })
      expect(table.finish().sharedBytes).toBeLessThanOrEqual(2 * defaultPackedBytes)
    }
  })

  it('crosses every block boundary', () => {
    for (const [batch, rows, columns, depth] of [
      [1, 129, 9, 321],
      [1, 257, 24, 641],
      [1, 13, 1100, 5],
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
})
