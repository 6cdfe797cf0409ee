/**
 * Matrix products against three plain loops in float64, for every micro-kernel candidate, every path and any
 * strides. The error bound is that of recursive summation: (depth + 4) · ε · Σ|a||b|.
 */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { ArgumentError } from '../../errors.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { instantiateMatrixModule } from './matrixModule.ts'
import { microKernelCandidates, preferredMultiplyAdd } from './matrixProbe.ts'
import type { MatrixLayout, MatrixProduct, MatrixProductPlan, RowEpilogue } from './matrixProduct.ts'
import { planMatrixProduct } from './matrixProduct.ts'

const memory = new WebAssembly.Memory({ initial: 256 })
const floats = new Float32Array(memory.buffer)
const kernels: MicroKernel[] = [
  ...microKernelCandidates('separate'),
  ...(preferredMultiplyAdd(false) === 'relaxed' ? microKernelCandidates('relaxed') : []),
]
const modules = kernels.map((kernel) => instantiateMatrixModule(kernel, { memory }))

/** Regions of the memory in elements. */
const at = { left: 1024, right: 800_000, output: 1_600_000, accumulator: 2_000_000, scratch: 2_400_000 }
const packedAt = { left: 3_200_000, right: 3_600_000 }
const canary = 12345
/** More elements than any output of these tests spans. */
const window = 30_000

const element = (layout: MatrixLayout, b: number, i: number, j: number): number =>
  b * layout.batchStride + i * layout.rowStride + j * layout.columnStride

/** Deterministic values in (−1, 1) that no symmetry hides. */
function fill(from: number, length: number, seed: number): void {
  let state = (seed * 2654435761 + 1) >>> 0
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    floats[from + i] = state / 2 ** 31 - 1
  }
}

beforeEach(() => {
  fill(at.left, 200_000, 1)
  fill(at.right, 200_000, 2)
  fill(at.accumulator, window, 3)
  // Whatever is read from scratch memory without being written first shows.
  floats.fill(NaN, at.scratch, at.scratch + 700_000)
})

interface Run {
  readonly kernel?: number
  readonly epilogue?: RowEpilogue
  readonly packed?: boolean
  /** Accumulate onto the output itself. */
  readonly inPlace?: boolean
}

/** Fills the operands, runs, and checks every element of the output and the gaps between them. */
function check(product: MatrixProduct, { kernel = 0, epilogue, packed = false, inPlace = false }: Run = {}) {
  floats.fill(canary, at.output - 64, at.output + window)
  const { batch, rows, columns, depth, left, right, output, accumulator } = product
  if (inPlace) fill(at.output, window, 3)
  const before = floats.slice(at.output - 64, at.output + window)
  const addend = inPlace ? at.output : at.accumulator
  const added = floats.slice(addend, addend + window)
  const plan = planMatrixProduct(product, kernels[kernel], modules[kernel])
  expect(plan.scratchBytes).toBeLessThanOrEqual(4 * 700_000)
  if (packed) {
    plan.packLeft(4 * at.left, 4 * packedAt.left)
    plan.packRight(4 * at.right, 4 * packedAt.right)
  }
  const addresses = {
    left: packed ? 0 : 4 * at.left,
    right: packed ? 0 : 4 * at.right,
    output: 4 * at.output,
    accumulator: 4 * addend,
    scratch: 4 * at.scratch,
    packedLeft: packed ? 4 * packedAt.left : 0,
    packedRight: packed ? 4 * packedAt.right : 0,
  }
  plan.run(addresses, epilogue)
  const written = new Set<number>()
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = accumulator === undefined ? 0 : added[element(accumulator, b, i, j)]
        let size = Math.abs(sum)
        for (let k = 0; k < depth; k++) {
          const term = floats[at.left + element(left, b, i, k)] * floats[at.right + element(right, b, k, j)]
          sum += term
          size += Math.abs(term)
        }
        const place = element(output, b, i, j)
        written.add(place)
        const error = Math.abs(floats[at.output + place] - sum)
        const bound = (depth + 4) * 2 ** -24 * size
        if (!(error <= bound)) expect.fail(`[${b},${i},${j}] is off by ${error}, allowed ${bound}`)
      }
    }
  }
  for (let i = 0; i < before.length; i++) {
    if (written.has(i - 64) || Object.is(floats[at.output - 64 + i], before[i])) continue
    expect.fail(`element ${i - 64} outside the output was written`)
  }
  return plan
}

const rowMajor = (rows: number, columns: number): MatrixLayout => ({
  rowStride: columns,
  columnStride: 1,
  batchStride: rows * columns,
})
const columnMajor = (rows: number, columns: number): MatrixLayout => ({
  rowStride: 1,
  columnStride: rows,
  batchStride: rows * columns,
})

const dense = (batch: number, rows: number, columns: number, depth: number): MatrixProduct => ({
  batch,
  rows,
  columns,
  depth,
  left: rowMajor(rows, depth),
  right: rowMajor(depth, columns),
  output: rowMajor(rows, columns),
})

/** Any strided layout of a rows × columns matrix: either order, with gaps, spread or repeated. */
const layout = (rows: number, columns: number): fc.Arbitrary<MatrixLayout> =>
  fc
    .record({
      transposed: fc.boolean(),
      step: fc.constantFrom(1, 1, 1, 2, 3),
      gap: fc.nat(5),
      repeat: fc.constantFrom('none', 'none', 'none', 'rows', 'columns', 'batch'),
    })
    .map(({ transposed, step, gap, repeat }) => {
      const pitch = step * (transposed ? rows : columns) + gap
      return {
        rowStride: repeat === 'rows' ? 0 : transposed ? step : pitch,
        columnStride: repeat === 'columns' ? 0 : transposed ? pitch : step,
        batchStride: repeat === 'batch' ? 0 : pitch * (transposed ? columns : rows),
      }
    })

const extent = fc.oneof(fc.constantFrom(0, 1, 1, 2, 3, 4, 5, 8, 16, 17), fc.integer({ min: 0, max: 70 }))

const anyProduct: fc.Arbitrary<MatrixProduct> = fc
  .record({ batch: fc.integer({ min: 0, max: 3 }), rows: extent, columns: extent, depth: extent })
  .chain((size) => {
    const padded = fc.nat(7).map((gap) => ({
      rowStride: size.columns + gap,
      columnStride: 1,
      batchStride: size.rows * (size.columns + gap),
    }))
    const repeatedRows = { rowStride: 0, columnStride: 1, batchStride: 0 }
    return fc
      .record(
        {
          left: layout(size.rows, size.depth),
          right: layout(size.depth, size.columns),
          output: padded,
          accumulator: fc.oneof(padded, fc.constant(repeatedRows)),
        },
        { requiredKeys: ['left', 'right', 'output'] },
      )
      .map(({ left, right, output, accumulator }) => ({
        ...size,
        left,
        right,
        output,
        ...(accumulator === undefined ? {} : { accumulator }),
      }))
  })

describe('the matrix product', () => {
  it('agrees with plain loops for any sizes, strides, batches and accumulators, with every micro-kernel', () => {
    fc.assert(
      fc.property(anyProduct, fc.nat(kernels.length - 1), (product, kernel) => {
        check(product, { kernel })
      }),
      { numRuns: 400 },
    )
  })

  it('adds to its own output in place', () => {
    fc.assert(
      fc.property(anyProduct, fc.nat(kernels.length - 1), (product, kernel) => {
        check({ ...product, accumulator: product.output }, { kernel, inPlace: true })
      }),
      { numRuns: 100 },
    )
  })

  it('crosses every block boundary', () => {
    for (const [rows, columns, depth] of [
      [129, 9, 321],
      [257, 24, 641],
      [3, 4090, 3],
    ] as const) {
      for (let kernel = 0; kernel < kernels.length; kernel++)
        check(dense(1, rows, columns, depth), { kernel })
    }
  })

  it('gives the same bits whichever micro-kernel of one rounding is chosen', () => {
    const product = dense(1, 61, 53, 700)
    const results = microKernelCandidates('separate').map((_, kernel) => {
      check(product, { kernel })
      return floats.slice(at.output, at.output + 61 * 53)
    })
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('gives the same bits for plain and transposed operands', () => {
    const size = { batch: 1, rows: 30, columns: 26, depth: 400 }
    const values = (i: number, j: number) => Math.sin(i * 7.1 + j * 3.3)
    const results = [rowMajor, columnMajor].flatMap((left) =>
      [rowMajor, columnMajor].map((right) => {
        const product = { ...size, left: left(30, 400), right: right(400, 26), output: rowMajor(30, 26) }
        for (let i = 0; i < 30; i++) {
          for (let k = 0; k < 400; k++) floats[at.left + element(product.left, 0, i, k)] = values(i, k)
        }
        for (let k = 0; k < 400; k++) {
          for (let j = 0; j < 26; j++) floats[at.right + element(product.right, 0, k, j)] = values(k, j + 50)
        }
        const plan = planMatrixProduct(product, kernels[0], modules[0])
        run(plan)
        return floats.slice(at.output, at.output + 30 * 26)
      }),
    )
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('takes operands packed once, and then never reads the originals', () => {
    for (const batch of [1, 3]) {
      const product = dense(batch, 37, 45, 333)
      for (let kernel = 0; kernel < kernels.length; kernel++) {
        const plan = check(product, { kernel, packed: true })
        expect(plan.packedLeftBytes).toBeGreaterThanOrEqual(4 * batch * 37 * 333)
        expect(plan.packedLeftBytes).toBeLessThan(4 * (packedAt.right - packedAt.left))
      }
    }
  })
})

function run(plan: MatrixProductPlan): void {
  plan.run({
    left: 4 * at.left,
    right: 4 * at.right,
    output: 4 * at.output,
    accumulator: 4 * at.accumulator,
    scratch: 4 * at.scratch,
    packedLeft: 0,
    packedRight: 0,
  })
}

describe('the paths of a product', () => {
  it('are chosen by shape and strides', () => {
    const path = (product: MatrixProduct) => planMatrixProduct(product, kernels[0], modules[0]).path
    expect(path(dense(1, 9, 9, 9))).toBe('panels')
    expect(path(dense(1, 9, 9, 0))).toBe('empty')
    expect(path(dense(1, 9, 1, 9))).toBe('rowDots')
    expect(path(dense(1, 1, 9, 9))).toBe('columnSums')
    expect(path({ ...dense(1, 9, 1, 9), left: columnMajor(9, 9) })).toBe('columnSums')
    expect(path({ ...dense(1, 9, 1, 9), left: { rowStride: 18, columnStride: 2, batchStride: 0 } })).toBe(
      'panels',
    )
  })

  it('refuse an output without unit stride along its columns', () => {
    const product = { ...dense(1, 4, 4, 4), output: columnMajor(4, 4) }
    expect(() => planMatrixProduct(product, kernels[0], modules[0])).toThrow(ArgumentError)
  })
})

describe('the row epilogue', () => {
  it('sees every row once, in its own batch entry, when the row is final', () => {
    fc.assert(
      fc.property(anyProduct, fc.boolean(), (product, shareRight) => {
        const { batch, rows, columns, output } = product
        const shared = shareRight ? { ...product.right, batchStride: 0 } : product.right
        const contiguous = shareRight ? rowMajor(rows, product.depth) : product.left
        const seen: number[] = []
        const atCall: number[] = []
        const epilogue: RowEpilogue = (b, rowStart, rowCount) => {
          for (let i = rowStart; i < rowStart + rowCount; i++) {
            seen.push(b * rows + i)
            atCall.push(floats[at.output + element(output, b, i, columns - 1)])
          }
        }
        check({ ...product, left: contiguous, right: shared }, { epilogue })
        if (rows === 0 || columns === 0) return
        expect(seen).toEqual(Array.from({ length: batch * rows }, (_, i) => i))
        const final = seen.map((row) => {
          const b = Math.floor(row / rows)
          return floats[at.output + element(output, b, row - b * rows, columns - 1)]
        })
        expect(atCall).toEqual(final)
      }),
      { numRuns: 150 },
    )
  })
})
