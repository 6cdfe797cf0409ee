/**
 * Map kernels and product epilogues against the interpreter's plain loops: random shapes, views (permuted,
 * strided, broadcast, offset) and expressions; no byte outside the arrays may change.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { typedArray } from '../../dtype.ts'
import type { DotKernel, MapKernel, ScalarNode } from '../../kernel/kernel.ts'
import { dotEpilogueBuffers } from '../kernelArguments.ts'
import { addDotEpilogue, hasPlainResult } from './loopKernel.ts'
import {
  apply,
  differences,
  domainArbitrary,
  extentOf,
  load,
  runBoth,
  runKernel,
  runOnArrays,
  sampleArray,
  unitArbitrary,
  unwritten,
  viewArbitrary,
} from '../singleKernel.ts'

/** Bounded operations, so that a tolerance near the rounding error is meaningful. */
const operations = ['add', 'subtract', 'maximum', 'minimum', 'tanh', 'abs'] as const

/** Two loads, their product, a constant, a scaled index, and a few operations on earlier nodes. */
const mapArbitrary = domainArbitrary(4).chain((domain) =>
  fc
    .record({
      views: fc.tuple(viewArbitrary(domain, true), viewArbitrary(domain, true)),
      index: viewArbitrary(domain, true),
      targets: fc.array(viewArbitrary(domain, false), { minLength: 1, maxLength: 2 }),
      steps: fc.array(fc.tuple(fc.constantFrom(...operations), fc.nat(20), fc.nat(20)), { maxLength: 5 }),
    })
    .map(({ views, index, targets, steps }): MapKernel => {
      const nodes: ScalarNode[] = [
        load(0, views[0]),
        load(1, views[1]),
        apply('multiply', [0, 1]),
        { kind: 'constant', value: 0.01, dtype: 'float32' },
        { kind: 'index', view: index, dtype: 'float32' },
        apply('multiply', [3, 4]),
      ]
      for (const [primitive, a, b] of steps) {
        const operands = [a % nodes.length, b % nodes.length]
        nodes.push(
          apply(primitive, primitive === 'tanh' || primitive === 'abs' ? operands.slice(1) : operands),
        )
      }
      const stores = targets.map((view, i) => ({
        node: i === 0 ? nodes.length - 1 : 2,
        buffer: 2 + i,
        view,
      }))
      return { kind: 'map', domain, nodes, stores }
    }),
)

describe('map kernels', () => {
  it('equal plain loops for random shapes, views and expressions', () => {
    fc.assert(
      fc.property(mapArbitrary, unitArbitrary, (kernel, unitElements) => {
        const { domain, nodes, stores } = kernel
        const loads = nodes.flatMap((node) => (node.kind === 'load' ? [node.view] : []))
        const arrays = [
          ...loads.map((view, i) => sampleArray('float32', extentOf(view, domain), i)),
          ...stores.map(({ view }) => unwritten('float32', extentOf(view, domain))),
        ]
        const { got, want } = runBoth(kernel, arrays, { unitElements })
        for (const { buffer } of stores) expect(differences(got[buffer], want[buffer], 2e-6)).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('transpose with tails on both sides, fused with a broadcast row', () => {
    const sizes = [4, 7, 16, 33, 130, 530]
    for (const rows of sizes) {
      for (const columns of sizes) {
        const kernel: MapKernel = {
          kind: 'map',
          domain: [columns, rows],
          nodes: [
            load(0, { offset: 0, strides: [1, columns] }),
            load(1, { offset: 0, strides: [0, 1] }),
            apply('add', [0, 1]),
          ],
          stores: [{ node: 2, buffer: 2, view: { offset: 0, strides: [rows, 1] } }],
        }
        const a = sampleArray('float32', rows * columns, 1)
        const b = sampleArray('float32', rows, 2)
        for (const unitElements of [16, 1000, 1e6]) {
          const options = { unitElements, threads: 2 }
          const [, , got] = runKernel(kernel, [a, b, typedArray('float32', rows * columns)], options)
          const wrong = got.findIndex((value, i) => {
            const [column, row] = [Math.floor(i / rows), i % rows]
            return value !== Math.fround(a[row * columns + column] + b[row])
          })
          expect(wrong, `${rows}×${columns}`).toBe(-1)
        }
      }
    }
  })

  it('are shared among threads where there is enough to do, in parts of rows that begin on cache lines', () => {
    const unitsOf = (domain: readonly number[], unitElements: number): number[] => {
      const view = { offset: 0, strides: domain.length === 1 ? [1] : [domain[1], 1] }
      const size = domain.reduce((product, extent) => product * extent, 1)
      const kernel: MapKernel = {
        kind: 'map',
        domain,
        nodes: [load(0, view), load(1, view), apply('add', [0, 1])],
        stores: [{ node: 2, buffer: 2, view }],
      }
      let units: number[] = []
      runKernel(
        kernel,
        [1, 2, 3].map((seed) => sampleArray('float32', size, seed)),
        { unitElements, onStages: (stages) => (units = stages.map((stage) => stage.units)) },
      )
      return units
    }
    expect(unitsOf([100], 16)).toEqual([1])
    expect(unitsOf([130], 16)).toEqual([Math.ceil(130 / 16)])
    expect(unitsOf([3, 130], 16)).toEqual([3 * Math.ceil(130 / 16)])
    expect(unitsOf([300, 8], 32)).toEqual([75])
    expect(unitsOf([100_000], 2048)).toEqual([Math.ceil(100_000 / 2048)])
  })

  it('work in place: two outputs, one of them over an operand that both read', () => {
    const domain = [3, 13]
    const view = { offset: 0, strides: [13, 1] }
    const nodes = [load(0, view), load(1, view), apply('tanh', [0]), apply('multiply', [0, 1])]
    const kernel: MapKernel = {
      kind: 'map',
      domain,
      nodes,
      stores: [
        { node: 2, buffer: 0, view },
        { node: 3, buffer: 2, view },
      ],
    }
    const [x, y] = [sampleArray('float32', 39, 1), sampleArray('float32', 39, 2)]
    const got = runKernel(kernel, [x, y, typedArray('float32', 39)])
    for (let i = 0; i < 39; i++) {
      expect(got[0][i]).toBeCloseTo(Math.tanh(x[i]), 6)
      expect(got[2][i]).toBe(Math.fround(x[i] * y[i]))
    }
  })

  it('compute integers and booleans exactly', () => {
    fc.assert(
      fc.property(
        domainArbitrary(2).chain((domain) =>
          fc.tuple(
            fc.constant(domain),
            fc.array(viewArbitrary(domain, true), { minLength: 3, maxLength: 3 }),
            viewArbitrary(domain, false),
            fc.constantFrom('int32' as const, 'uint32' as const),
          ),
        ),
        ([domain, views, target, dtype]) => {
          const kernel: MapKernel = {
            kind: 'map',
            domain,
            nodes: [
              load(0, views[0], dtype),
              load(1, views[1], dtype),
              load(2, views[2], 'bool'),
              apply('less', [0, 1], 'bool'),
              apply('or', [2, 3], 'bool'),
              apply('divide', [0, 1], dtype),
              { kind: 'index', view: views[0], dtype },
              apply('multiply', [1, 6], dtype),
              apply('select', [4, 5, 7], dtype),
              apply('not', [4], 'bool'),
            ],
            stores: [
              { node: 8, buffer: 3, view: target },
              { node: 9, buffer: 4, view: target },
            ],
          }
          const size = extentOf(target, domain)
          const arrays = [
            sampleArray(dtype, extentOf(views[0], domain), 1),
            sampleArray(dtype, extentOf(views[1], domain), 2),
            sampleArray('bool', extentOf(views[2], domain), 3),
            unwritten(dtype, size),
            unwritten('bool', size),
          ]
          const { got, want } = runBoth(kernel, arrays)
          expect([...got[3]]).toEqual([...want[3]])
          expect([...got[4]]).toEqual([...want[4]])
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('product epilogues', () => {
  const [batch, rows, columns] = [2, 5, 11]
  const dense = { offset: 3, strides: [rows * columns, columns, 1] }
  const kernel = (epilogue: readonly ScalarNode[], nodes: readonly number[]): DotKernel => ({
    kind: 'dot',
    batch,
    rows,
    columns,
    depth: 1,
    dtype: 'float32',
    lhs: { kind: 'load', buffer: 8, view: { offset: 0, strides: [0, 0, 0] } },
    rhs: { kind: 'load', buffer: 9, view: { offset: 0, strides: [0, 0, 0] } },
    epilogue,
    stores: nodes.map((node, i) => ({
      node,
      buffer: i,
      view: i === 0 ? dense : { offset: 0, strides: [rows * columns, 1, rows] },
    })),
  })
  const result: ScalarNode = { kind: 'result', dtype: 'float32' }

  it('work on the raw product in the buffer of the first store, on the rows asked for', () => {
    const bias = { offset: 0, strides: [0, 0, 1] }
    const activation = kernel([result, load(2, bias), apply('add', [0, 1]), apply('tanh', [2])], [3, 2])
    const raw = sampleArray('float32', 3 + batch * rows * columns, 1)
    const b = sampleArray('float32', columns, 2)
    const empty = typedArray('float32', batch * rows * columns)
    const order = dotEpilogueBuffers(activation)
    expect(order).toEqual([2, 0, 1])
    const [first, second] = runOnArrays(
      (module) => addDotEpilogue(module, activation, 'run'),
      [raw, empty, b],
      order,
      [1, 2, 4],
    )
    for (let z = 0; z < batch; z++) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const at = (z * rows + i) * columns + j
          const inside = z === 1 && i >= 2 && i < 4
          const sum = raw[3 + at] + b[j]
          expect(first[3 + at]).toBeCloseTo(inside ? Math.tanh(sum) : raw[3 + at], 6)
          expect(second[z * rows * columns + j * rows + i]).toBeCloseTo(inside ? sum : 0, 6)
        }
      }
    }
  })

  it('are not needed where the product is stored as it is', () => {
    expect(hasPlainResult(kernel([result], [0]))).toBe(true)
    expect(hasPlainResult(kernel([result], [0, 0]))).toBe(false)
    expect(hasPlainResult(kernel([result, apply('tanh', [0])], [1]))).toBe(false)
  })
})
