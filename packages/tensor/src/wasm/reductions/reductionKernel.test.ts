/**
 * Reduction kernels against the interpreter's plain float64 loops: random shapes, views, reducers, prologues and
 * epilogues; NaN, ties and infinities; the accuracy of long sums.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dtype } from '../../dtype.ts'
import { typedArray } from '../../dtype.ts'
import type { ReduceKernel, Reducer, ScalarNode } from '../../kernel/kernel.ts'
import {
  apply,
  differences,
  domainArbitrary,
  extentOf,
  load,
  runBoth,
  runKernel,
  runShared,
  sampleArray,
  unitArbitrary,
  unwritten,
  viewArbitrary,
} from '../singleKernel.ts'

interface Case {
  readonly kernel: ReduceKernel
  readonly dtype: Dtype
}

const caseArbitrary: fc.Arbitrary<Case> = fc
  .record({
    kept: domainArbitrary(2),
    reduced: domainArbitrary(2, 1),
    reducer: fc.constantFrom<Reducer>('sum', 'max', 'argMax'),
    dtype: fc.constantFrom<Dtype>('float32', 'float32', 'int32', 'uint32'),
    prologue: fc.boolean(),
    epilogue: fc.boolean(),
  })
  .filter(({ kept, reduced }) => [...kept, ...reduced].reduce((a, b) => a * b, 1) <= 20000)
  .chain(({ kept, reduced, reducer, dtype, prologue, epilogue }) => {
    const over = reducer === 'argMax' ? reduced.slice(0, 1) : reduced
    const domain = [...kept, ...over]
    return fc
      .tuple(
        viewArbitrary(domain, false),
        viewArbitrary(domain, true),
        viewArbitrary(kept, true),
        viewArbitrary(kept, false),
      )
      .map(([first, second, third, target]): Case => {
        const nodes: ScalarNode[] = [load(0, first, dtype), load(1, second, dtype)]
        if (prologue) nodes.push(apply('multiply', [0, 1], dtype))
        const result = reducer === 'argMax' ? 'int32' : dtype
        const after: ScalarNode[] = [{ kind: 'result', dtype: result }]
        if (epilogue && reducer !== 'argMax')
          after.push(load(2, third, dtype), apply('subtract', [0, 1], dtype))
        return {
          dtype,
          kernel: {
            kind: 'reduce',
            reducer,
            kept,
            reduced: over,
            nodes,
            operand: prologue ? 2 : 0,
            epilogue: after,
            stores: [{ node: after.length - 1, buffer: 3, view: target }],
          },
        }
      })
  })

describe('reduction kernels', () => {
  it('equal plain loops for random shapes, views, prologues and epilogues', () => {
    fc.assert(
      fc.property(caseArbitrary, unitArbitrary, ({ kernel, dtype }, unitElements) => {
        const { kept, reduced, nodes, epilogue, stores, reducer } = kernel
        const domain = [...kept, ...reduced]
        const sizeIn = (list: readonly ScalarNode[], buffer: number, over: readonly number[]): number => {
          const found = list.find((node) => node.kind === 'load' && node.buffer === buffer)
          return found?.kind === 'load' ? extentOf(found.view, over) : 1
        }
        const result = reducer === 'argMax' ? 'int32' : dtype
        const arrays = [
          sampleArray(dtype, sizeIn(nodes, 0, domain), 1),
          sampleArray(dtype, sizeIn(nodes, 1, domain), 2),
          sampleArray(dtype, sizeIn(epilogue, 2, kept), 3),
          unwritten(result, extentOf(stores[0].view, kept)),
        ]
        const { got, want } = runBoth(kernel, arrays, { unitElements })
        const count = reduced.reduce((product, extent) => product * extent, 1)
        const tolerance = dtype === 'float32' && reducer === 'sum' ? 1e-6 * (1 + Math.sqrt(count)) : 0
        expect(differences(got[3], want[3], tolerance)).toEqual([])
      }),
      { numRuns: 250 },
    )
  })

  const over = (reducer: Reducer, rows: number, columns: number, byRows: boolean): ReduceKernel => ({
    kind: 'reduce',
    reducer,
    kept: [rows],
    reduced: [columns],
    nodes: [load(0, { offset: 0, strides: byRows ? [columns, 1] : [1, rows] })],
    operand: 0,
    epilogue: [{ kind: 'result', dtype: reducer === 'argMax' ? 'int32' : 'float32' }],
    stores: [{ node: 0, buffer: 1, view: { offset: 0, strides: [1] } }],
  })

  it('argMax takes the first of equals and the first NaN, max propagates NaN, in both directions of the lanes', () => {
    const rows = [
      [1, 3, 3, 2, 3, 0, 1],
      [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity, -Infinity, -Infinity],
      [1, NaN, 5, NaN, 2, 1, 9],
      [0, -0, 0, -0, 0, 0, 0],
      [1, 2, 3, 4, 5, 6, 7],
      [-5, -4, -3, -3, -9, -2, -2],
    ]
    const columns = 7
    for (const byRows of [true, false]) {
      const data = new Float32Array(rows.length * columns)
      rows.forEach((row, i) => {
        row.forEach((value, j) => (data[byRows ? i * columns + j : j * rows.length + i] = value))
      })
      const run = (reducer: Reducer) =>
        runKernel(over(reducer, rows.length, columns, byRows), [
          data,
          typedArray(reducer === 'argMax' ? 'int32' : 'float32', rows.length),
        ])[1]
      expect([...run('argMax')]).toEqual([1, 0, 1, 0, 6, 5])
      expect([...run('max')]).toEqual([3, -Infinity, NaN, 0, 7, -2])
    }
  })

  it('the largest of zeros is +0 where one of them is, and −0 where none is', () => {
    const shapes = [
      [5, 1],
      [6, 7],
      [19, 45],
      [1, 9_000],
      [2100, 70],
    ] as const
    for (const [rows, columns] of shapes) {
      const data = new Float32Array(rows * columns).fill(-0)
      const want = new Float32Array(rows)
      for (const byRows of [true, false]) {
        for (let i = 0; i < rows; i++) {
          const place = (i * 7919) % columns
          const value = [0, -0, -1][i % 3]
          for (let j = 0; j < columns; j++)
            data[byRows ? i * columns + j : j * rows + i] = j === place ? value : -0
          want[i] = i % 3 === 0 ? 0 : i % 3 === 1 || columns > 1 ? -0 : -1
        }
        for (const unitElements of [16, 500, 1e6]) {
          const got = runShared(over('max', rows, columns, byRows), [data, unwritten('float32', rows)], {
            unitElements,
          })
          const wrong = got[1].findIndex((value, i) => !Object.is(value, want[i]))
          expect(wrong, `${rows}×${columns}`).toBe(-1)
        }
      }
    }
  })

  it('of many columns go down in passes, those of few results in blocks, and equal plain loops', () => {
    const shapes: readonly (readonly [kept: number[], reduced: number[], strides: number[]])[] = [
      [[2075], [67], [1, 2075]],
      [
        [2, 1030],
        [5, 14],
        [1030 * 70, 1, 1030 * 14, 1030],
      ],
      [[7], [8_003], [1, 7]],
      [[3], [8_003], [8_003, 1]],
      [[], [3, 9_001], [9_001, 1]],
    ]
    for (const [kept, reduced, strides] of shapes) {
      const count = kept.reduce((product, extent) => product * extent, 1)
      const all = reduced.reduce((product, extent) => product * extent, count)
      for (const reducer of ['sum', 'max', 'argMax'] as const) {
        if (reducer === 'argMax' && reduced.length > 1) continue
        for (const dtype of ['float32', 'int32'] as const) {
          const result = reducer === 'argMax' ? 'int32' : dtype
          const kernel: ReduceKernel = {
            kind: 'reduce',
            reducer,
            kept,
            reduced,
            nodes: [load(0, { offset: 0, strides }, dtype)],
            operand: 0,
            epilogue: [{ kind: 'result', dtype: result }],
            stores: [
              {
                node: 0,
                buffer: 1,
                view: { offset: 0, strides: kept.length === 2 ? [kept[1], 1] : kept.map(() => 1) },
              },
            ],
          }
          // Few different values, so that the first of equals must be found in another block than the last.
          const data = sampleArray(dtype, all, 1).map((value) => Math.round(2 * value))
          const { got, want } = runBoth(kernel, [data, unwritten(result, count)], { unitElements: 500 })
          expect(
            differences(got[1], want[1], 0),
            `${reducer} ${kept.join('×')} ${reduced.join('×')}`,
          ).toEqual([])
        }
      }
    }
  })

  it('keep a NaN, or an infinity, wherever a row is cut', () => {
    const columns = 9_000
    for (const place of [0, 1, 2047, 2304, 4500, 8998, 8999]) {
      for (const value of [NaN, Infinity]) {
        const data = new Float32Array(columns).fill(-3)
        data[place] = value
        for (const unitElements of [64, 1e6]) {
          const run = (reducer: Reducer) =>
            runKernel(
              over(reducer, 1, columns, true),
              [data, typedArray(reducer === 'argMax' ? 'int32' : 'float32', 1)],
              { unitElements, threads: 3 },
            )[1][0]
          expect(run('max')).toBe(value)
          expect(run('argMax')).toBe(place)
          expect(run('sum')).toBe(value)
        }
      }
    }
  })

  it('a sum of ten million numbers is good to 1e-7, by rows and by columns', () => {
    const count = 10_000_003
    const data = new Float32Array(count)
    const columns = 10
    const depth = Math.floor(count / columns)
    const exact = new Float64Array(columns)
    for (let i = 0; i < count; i++) {
      data[i] = ((i * 0.61803398875) % 1) + 0.1
      if (i < depth * columns) exact[i % columns] += data[i]
    }
    const rest = data.subarray(depth * columns)
    const all = [...exact, ...rest].reduce((sum, value) => sum + value, 0)
    const kernel = { ...over('sum', 1, count, true), kept: [] }
    const whole: ReduceKernel = {
      ...kernel,
      nodes: [load(0, { offset: 0, strides: [1] })],
      stores: [{ node: 0, buffer: 1, view: { offset: 0, strides: [] } }],
    }
    for (const unitElements of [64, 2048, 1e8]) {
      const [, total] = runKernel(whole, [data, new Float32Array(1)], { unitElements })
      expect(Math.abs(total[0] - all) / all).toBeLessThan(1e-7)
    }
    const [, sums] = runKernel(over('sum', columns, depth, false), [data, new Float32Array(columns)])
    exact.forEach((want, column) => {
      expect(Math.abs(sums[column] - want) / want).toBeLessThan(1e-7)
    })
  })
})
