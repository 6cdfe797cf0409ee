/**
 * Work that memory bounds, beside copying and reading alone in the same interleaved run: element-wise addition and a fused
 * chain, sums in each direction, softmax, transposition and gathering of rows, in cache and in memory.
 *
 * Bytes count each operand and result once; what a processor fetches of a line before it is overwritten is not counted,
 * neither here nor in the ceiling.
 */
import { gather, jit, softmax, tanh, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { memoryCeiling } from '../ceiling/memoryCeiling.ts'
import { interleave } from '../interleave.ts'
import { numbers } from '../numbers.ts'
import { repeated } from '../repeated.ts'
import { rowOf } from '../row.ts'
import type { Suite } from './suite.ts'
import { rounds } from './suite.ts'

const suite = 'memory-bound'

interface Size {
  readonly rows: number
  readonly columns: number
}

const sizes: readonly Size[] = [
  { rows: 250, columns: 400 },
  { rows: 1000, columns: 1000 },
  { rows: 4000, columns: 4000 },
]
const quickSizes: readonly Size[] = [{ rows: 20, columns: 30 }]

interface Operands {
  readonly x: Tensor
  readonly y: Tensor
  /** Every row once, in an order without pattern. */
  readonly order: Tensor
}

interface MemoryCase {
  readonly name: string
  readonly bound: 'copy' | 'read'
  /** Arrays of the full size that are read or written. */
  readonly arrays: number
  readonly compute: (operands: Operands) => Tensor
}

const cases: readonly MemoryCase[] = [
  { name: 'x + y', bound: 'copy', arrays: 3, compute: ({ x, y }) => x.add(y) },
  {
    name: '(tanh(x·y) + x)·½',
    bound: 'copy',
    arrays: 3,
    compute: ({ x, y }) => tanh(x.multiply(y)).add(x).multiply(0.5),
  },
  { name: 'sum', bound: 'read', arrays: 1, compute: ({ x }) => x.sum() },
  { name: 'sums of rows', bound: 'read', arrays: 1, compute: ({ x }) => x.sum(1) },
  { name: 'sums of columns', bound: 'read', arrays: 1, compute: ({ x }) => x.sum(0) },
  { name: 'softmax over rows', bound: 'copy', arrays: 2, compute: ({ x }) => softmax(x, 1) },
  { name: 'transpose', bound: 'copy', arrays: 2, compute: ({ x }) => x.transpose() },
  { name: 'gather of rows', bound: 'copy', arrays: 2, compute: ({ x, order }) => gather(x, order) },
]

function operandsOn(backend: Backend, { rows, columns }: Size): Operands {
  const [x, y] = [1, 2].map((seed) =>
    tensor(numbers(seed, rows * columns, 8), { shape: [rows, columns], backend }),
  )
  // 7919 is prime and divides none of the row counts, so its multiples visit every row.
  const order = Int32Array.from({ length: rows }, (_, i) => (i * 7919) % rows)
  return { x, y, order: tensor(order, { backend }) }
}

export const memoryBound: Suite = {
  name: suite,
  description:
    'sums, softmax, transposition, gathering and element-wise work, and their share of copying or reading',
  run: async (_peers, emit, context) => {
    for (const size of context.quick ? quickSizes : sizes) {
      const count = size.rows * size.columns
      for (const threads of context.threads) {
        const ceiling = await memoryCeiling(count, threads)
        const operands = operandsOn(context.backend(threads), size)
        const compiled = cases.map(({ compute }) =>
          jit((x: Tensor, y: Tensor, order: Tensor) => compute({ x, y, order })),
        )
        const { x, y, order } = operands
        const [copy, read, ...timings] = await interleave(
          [
            ceiling.copy,
            ceiling.read,
            ...compiled.map((run) =>
              repeated(() => {
                run(x, y, order).dispose()
              }),
            ),
          ],
          rounds(context, 15, 2),
        )
        cases.forEach(({ name, bound, arrays }, i) => {
          emit(
            rowOf({
              suite,
              case: `${name}, ${size.rows}×${size.columns}`,
              timing: timings[i],
              threads,
              bytes: 4 * arrays * count,
              ceiling: bound === 'copy' ? ceiling.copyCeiling(copy) : ceiling.readCeiling(read),
            }),
          )
        })
        for (const each of compiled) each.dispose()
        for (const each of [x, y, order]) each.dispose()
        await ceiling.close()
      }
    }
  },
}
