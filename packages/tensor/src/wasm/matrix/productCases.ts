/**
 * Support for tests of products: kernels of any sizes, strides, prologues, accumulators and epilogues, and three plain
 * loops in float64 to compare with. The error bound is that of recursive summation, (depth + 4) · ε · Σ|a||b|; the epilogues
 * tested have slope at most 1.
 */
import fc from 'fast-check'
import type { TypedArray } from '../../dtype.ts'
import type { DotKernel, DotOperand, ScalarNode, Store, View } from '../../kernel/kernel.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { microKernelCandidates, preferredMultiplyAdd } from './matrixProbe.ts'
import type { StageRun } from '../singleKernel.ts'
import { apply, extentOf, load, runShared, sampleArray, unwritten, viewArbitrary } from '../singleKernel.ts'

export const microKernels: MicroKernel[] = [
  ...microKernelCandidates('separate'),
  ...(preferredMultiplyAdd(false) === 'relaxed' ? microKernelCandidates('relaxed') : []),
]

export const at = ({ offset, strides }: View, ...index: number[]): number =>
  index.reduce((sum, position, axis) => sum + position * strides[axis], offset)

export const buffers = { lhs: 0, rhs: 1, output: 2, accumulator: 3, bias: 4, second: 5, other: 6 } as const
export type Epilogue = 'none' | 'activation' | 'twoStores'

export interface Sizes {
  readonly batch: number
  readonly rows: number
  readonly columns: number
  readonly depth: number
}

/** What an operand that is computed first is computed of, besides the operand in memory. */
export interface Prologue {
  readonly other: View
  readonly index: View
}

export interface Product extends Sizes {
  readonly lhs: View
  readonly rhs: View
  readonly lhsPrologue?: Prologue | undefined
  readonly rhsPrologue?: Prologue | undefined
  readonly output: View
  readonly accumulator?: View | 'inPlace' | undefined
  readonly bias?: View
  readonly second?: View
  readonly epilogue: Epilogue
}

export const result: ScalarNode = { kind: 'result', dtype: 'float32' }

/** The operand itself, or max(operand, other) − index/4. */
function operandOf(buffer: number, view: View, prologue: Prologue | undefined): DotOperand {
  if (prologue === undefined) return { kind: 'load', buffer, view }
  const nodes: ScalarNode[] = [
    load(buffer, view),
    load(buffers.other, prologue.other),
    apply('maximum', [0, 1]),
    { kind: 'index', view: prologue.index, dtype: 'float32' },
    { kind: 'constant', value: 0.25, dtype: 'float32' },
    apply('multiply', [3, 4]),
    apply('subtract', [2, 5]),
  ]
  return { kind: 'prologue', nodes, operand: 6 }
}

/** An element of an operand, rounded to float32 as it is before it is multiplied. */
function element(
  arrays: readonly TypedArray[],
  buffer: number,
  view: View,
  prologue: Prologue | undefined,
  index: [number, number, number],
): number {
  const value = arrays[buffer][at(view, ...index)]
  if (prologue === undefined) return value
  const other = arrays[buffers.other][at(prologue.other, ...index)]
  return Math.fround(Math.max(value, other) - at(prologue.index, ...index) / 4)
}

/** The kernel and the arrays it works on. */
export function kernelOf(product: Product): { readonly kernel: DotKernel; readonly arrays: TypedArray[] } {
  const { batch, rows, columns, depth, lhs, rhs, output, accumulator, epilogue } = product
  const domain = [batch, rows, columns]
  const { bias = output, second = output } = product
  const nodes =
    epilogue === 'none'
      ? [result]
      : [result, load(buffers.bias, bias), apply('add', [0, 1]), apply('tanh', [2])]
  const stores: Store[] = [{ node: nodes.length - 1, buffer: buffers.output, view: output }]
  if (epilogue === 'twoStores') stores.push({ node: 2, buffer: buffers.second, view: second })
  const kernel: DotKernel = {
    kind: 'dot',
    ...{ batch, rows, columns, depth },
    dtype: 'float32',
    lhs: operandOf(buffers.lhs, lhs, product.lhsPrologue),
    rhs: operandOf(buffers.rhs, rhs, product.rhsPrologue),
    ...(accumulator === undefined
      ? {}
      : {
          accumulator:
            accumulator === 'inPlace'
              ? { buffer: buffers.output, view: output }
              : { buffer: buffers.accumulator, view: accumulator },
        }),
    epilogue: nodes,
    stores,
  }
  const outputLength = extentOf(output, domain)
  const arrays = [
    sampleArray('float32', extentOf(lhs, [batch, rows, depth]), 1),
    sampleArray('float32', extentOf(rhs, [batch, depth, columns]), 2),
    accumulator === 'inPlace' ? sampleArray('float32', outputLength, 3) : unwritten('float32', outputLength),
    sampleArray('float32', typeof accumulator === 'object' ? extentOf(accumulator, domain) : 1, 4),
    sampleArray('float32', extentOf(bias, domain), 5),
    unwritten('float32', extentOf(second, domain)),
    sampleArray(
      'float32',
      Math.max(
        product.lhsPrologue === undefined ? 1 : extentOf(product.lhsPrologue.other, [batch, rows, depth]),
        product.rhsPrologue === undefined ? 1 : extentOf(product.rhsPrologue.other, [batch, depth, columns]),
      ),
      6,
    ),
  ]
  return { kernel, arrays }
}

/** Fails unless every element of the outputs is within its bound, and nothing between them was written. */
export function checkResult(
  product: Product,
  arrays: readonly TypedArray[],
  got: readonly TypedArray[],
): void {
  const { batch, rows, columns, depth, lhs, rhs, output, accumulator, epilogue, bias, second } = product
  const { lhsPrologue, rhsPrologue } = product
  const written = [buffers.output, buffers.second].map(() => new Set<number>())
  const compare = (which: 0 | 1, place: number, want: number, bound: number, where: string): void => {
    written[which].add(place)
    const error = Math.abs(got[which === 0 ? buffers.output : buffers.second][place] - want)
    if (!(error <= bound)) throw new Error(`output ${which} at ${where} is off by ${error}, allowed ${bound}`)
  }
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0
        if (accumulator === 'inPlace') sum = arrays[buffers.output][at(output, b, i, j)]
        else if (accumulator !== undefined) sum = arrays[buffers.accumulator][at(accumulator, b, i, j)]
        let size = Math.abs(sum)
        for (let k = 0; k < depth; k++) {
          const term =
            element(arrays, buffers.lhs, lhs, lhsPrologue, [b, i, k]) *
            element(arrays, buffers.rhs, rhs, rhsPrologue, [b, k, j])
          sum += term
          size += Math.abs(term)
        }
        const where = `[${b},${i},${j}]`
        const bound = (depth + 4) * 2 ** -24 * size
        if (epilogue === 'none' || bias === undefined) {
          compare(0, at(output, b, i, j), sum, bound, where)
          continue
        }
        const shifted = sum + arrays[buffers.bias][at(bias, b, i, j)]
        const wider = bound + 2 ** -22 * (1 + Math.abs(shifted))
        compare(0, at(output, b, i, j), Math.tanh(shifted), wider, where)
        if (epilogue === 'twoStores' && second !== undefined)
          compare(1, at(second, b, i, j), shifted, wider, where)
      }
    }
  }
  ;[buffers.output, buffers.second].forEach((buffer, which) => {
    const stray = got[buffer].findIndex(
      (value, i) => !written[which].has(i) && !Object.is(value, arrays[buffer][i]),
    )
    if (stray >= 0) throw new Error(`element ${stray} between the elements of output ${which} was written`)
  })
}

/** An order of magnitude faster than `toEqual`. */
export function expectSameBits(got: readonly TypedArray[], want: readonly TypedArray[]): void {
  got.forEach((array, i) => {
    const place = array.findIndex((value, j) => !Object.is(value, want[i][j]))
    if (place >= 0) throw new Error(`array ${i} differs at ${place}: ${array[place]}, not ${want[i][place]}`)
  })
}

export function check(product: Product, options: StageRun = {}): TypedArray {
  const { kernel, arrays } = kernelOf(product)
  const got = runShared(kernel, arrays, options)
  checkResult(product, arrays, got)
  return got[buffers.output]
}

/** Strides of axes of one element are 0, as lowering leaves them. */
const canonical = (view: View, domain: readonly number[]): View => ({
  ...view,
  strides: view.strides.map((stride, axis) => (domain[axis] === 1 ? 0 : stride)),
})

export const rowMajor = (batch: number, rows: number, columns: number): View =>
  canonical({ offset: 0, strides: [rows * columns, columns, 1] }, [batch, rows, columns])
export const columnMajor = (batch: number, rows: number, columns: number): View =>
  canonical({ offset: 0, strides: [rows * columns, 1, rows] }, [batch, rows, columns])

export const dense = (batch: number, rows: number, columns: number, depth: number): Product => ({
  ...{ batch, rows, columns, depth },
  lhs: rowMajor(batch, rows, depth),
  rhs: rowMajor(batch, depth, columns),
  output: rowMajor(batch, rows, columns),
  epilogue: 'none',
})

export const extent = fc.oneof(fc.constantFrom(1, 1, 2, 3, 4, 5, 8, 16, 17), fc.integer({ min: 1, max: 70 }))
export const sizes: fc.Arbitrary<Sizes> = fc.record({
  batch: fc.constantFrom(1, 1, 1, 2, 3, 9),
  rows: extent,
  columns: extent,
  depth: extent,
})

/** Rows of unit stride with gaps between them. */
const outputView = ({ batch, rows, columns }: Sizes): fc.Arbitrary<View> =>
  fc.tuple(fc.nat(5), fc.nat(7), fc.nat(9)).map(([offset, gap, batchGap]) => {
    const pitch = columns + gap
    return canonical({ offset, strides: [rows * pitch + batchGap, pitch, 1] }, [batch, rows, columns])
  })

const anyView = (domain: readonly number[], broadcasts: boolean): fc.Arbitrary<View> =>
  viewArbitrary(domain, broadcasts).map((view) => canonical(view, domain))

export const anyProduct = (size: fc.Arbitrary<Sizes>): fc.Arbitrary<Product> =>
  size.chain((sizes): fc.Arbitrary<Product> => {
    const { batch, rows, columns, depth } = sizes
    const domain = [batch, rows, columns]
    const matrix = (...shape: [number, number, number]): fc.Arbitrary<View> =>
      fc.oneof(
        fc.constant(rowMajor(...shape)),
        fc.constant(columnMajor(...shape)),
        // One matrix for the whole batch.
        fc.constant({ offset: 0, strides: [0, ...rowMajor(...shape).strides.slice(1)] }),
        anyView(shape, true),
      )
    const prologue = (...shape: [number, number, number]): fc.Arbitrary<Prologue | undefined> =>
      fc.option(fc.record({ other: matrix(...shape), index: anyView(shape, true) }), { nil: undefined })
    return fc.record({
      ...{ batch: fc.constant(batch), rows: fc.constant(rows) },
      ...{ columns: fc.constant(columns), depth: fc.constant(depth) },
      lhs: matrix(batch, rows, depth),
      rhs: matrix(batch, depth, columns),
      lhsPrologue: prologue(batch, rows, depth),
      rhsPrologue: prologue(batch, depth, columns),
      output: fc.oneof(fc.constant(rowMajor(...([batch, rows, columns] as const))), outputView(sizes)),
      accumulator: fc.oneof(
        fc.constant(undefined),
        fc.constant('inPlace' as const),
        anyView(domain, true),
        outputView(sizes),
      ),
      bias: anyView(domain, true),
      second: anyView(domain, false),
      epilogue: fc.constantFrom<Epilogue>('none', 'none', 'activation', 'twoStores'),
    })
  })

export const anyMicroKernel = fc.constantFrom(...microKernels)
