/** Memory plans of hand-made kernel programs, and the checker that plays them. */
import { describe, expect, it } from 'vitest'
import { checkKernelProgram } from './checkKernelProgram.ts'
import { checkMemoryPlan } from './checkMemoryPlan.ts'
import type {
  BufferSpecification,
  DotKernel,
  KernelProgram,
  MapKernel,
  MemoryPlan,
  PrologueOperand,
  View,
} from './kernel.ts'
import { planMemory } from './memoryPlan.ts'

const dense: View = { offset: 0, strides: [1] }
const reversed = (count: number): View => ({ offset: count - 1, strides: [-1] })

/** buffer `to` = −(buffer `from`). */
const negate = (from: number, to: number, count: number, view: View = dense): MapKernel => ({
  kind: 'map',
  domain: [count],
  nodes: [
    { kind: 'load', buffer: from, view, dtype: 'float32' },
    { kind: 'apply', primitive: 'negate', operands: [0], dtype: 'float32' },
  ],
  stores: [{ node: 1, buffer: to, view: dense }],
})

function program(roles: string, sizes: readonly number[], kernels: KernelProgram['kernels']): KernelProgram {
  const roleOf = { i: 'input', o: 'output', s: 'scratch' } as const
  const buffers = Array.from(roles).map((role, b): BufferSpecification => ({
    dtype: 'float32',
    elements: sizes[b],
    role: roleOf[role as keyof typeof roleOf],
  }))
  const of = (wanted: string): number[] => buffers.flatMap(({ role }, b) => (role === wanted ? [b] : []))
  return checkKernelProgram({ name: 'test', buffers, inputs: of('input'), outputs: of('output'), kernels })
}

const planned = (kernels: KernelProgram, donate?: readonly number[]): MemoryPlan =>
  checkMemoryPlan(kernels, planMemory(kernels, donate))

describe('planMemory', () => {
  it('runs a chain of element-wise kernels in place in one pool', () => {
    const chain = program(
      'iosss',
      [4, 4, 4, 4, 4],
      [negate(0, 2, 4), negate(2, 3, 4), negate(3, 4, 4), negate(4, 1, 4)],
    )
    expect(planned(chain)).toEqual({ poolBytes: [16], poolOf: [-1, -1, 0, 0, 0], donorOf: [-1] })
  })

  it('alternates between two pools where elements are read elsewhere than written', () => {
    const chain = program(
      'iosss',
      [4, 4, 4, 4, 4],
      [negate(0, 2, 4), negate(2, 3, 4, reversed(4)), negate(3, 4, 4, reversed(4)), negate(4, 1, 4)],
    )
    expect(planned(chain)).toEqual({ poolBytes: [16, 16], poolOf: [-1, -1, 0, 1, 0], donorOf: [-1] })
  })

  it('keeps a buffer that is read later out of reach', () => {
    const both: MapKernel = {
      kind: 'map',
      domain: [4],
      nodes: [
        { kind: 'load', buffer: 2, view: dense, dtype: 'float32' },
        { kind: 'load', buffer: 3, view: dense, dtype: 'float32' },
        { kind: 'apply', primitive: 'add', operands: [0, 1], dtype: 'float32' },
      ],
      stores: [{ node: 2, buffer: 1, view: dense }],
    }
    const late = program('ioss', [4, 4, 4, 4], [negate(0, 2, 4), negate(2, 3, 4), both])
    expect(planned(late).poolOf).toEqual([-1, -1, 0, 1])
  })

  it('takes the smallest free pool that fits, and grows the largest when none does', () => {
    const kernels = [
      negate(0, 3, 8), // two pools are in use: 8 elements and 2 elements
      negate(0, 4, 2),
      negate(3, 1, 8),
      negate(4, 2, 2),
      negate(0, 5, 2), // fits the small one
      negate(0, 6, 10), // fits neither: the free one of 8 grows
      negate(5, 7, 2),
      negate(6, 8, 10),
    ]
    const sized = program('ioossssoo', [10, 8, 2, 8, 2, 2, 10, 2, 10], kernels)
    expect(planned(sized)).toEqual({
      poolBytes: [40, 8],
      poolOf: [-1, -1, -1, 0, 1, 1, 0, -1, -1],
      donorOf: [-1, -1, -1, -1],
    })
  })

  const dot = (accumulator: View, store: View): DotKernel => ({
    kind: 'dot',
    batch: 1,
    rows: 2,
    columns: 2,
    depth: 2,
    dtype: 'float32',
    lhs: { kind: 'load', buffer: 0, view: { offset: 0, strides: [0, 2, 1] } },
    rhs: { kind: 'load', buffer: 0, view: { offset: 0, strides: [0, 1, 2] } },
    accumulator: { buffer: 2, view: accumulator },
    epilogue: [{ kind: 'result', dtype: 'float32' }],
    stores: [{ node: 0, buffer: 3, view: store }],
  })
  const rowMajor: View = { offset: 0, strides: [0, 2, 1] }

  it('lets a product take over its accumulator only at equal views', () => {
    const inPlace = program('ioss', [4, 4, 4, 4], [negate(0, 2, 4), dot(rowMajor, rowMajor), negate(3, 1, 4)])
    expect(planned(inPlace).poolOf).toEqual([-1, -1, 0, 0])
    const transposed = { offset: 0, strides: [0, 1, 2] }
    const apart = program('ioss', [4, 4, 4, 4], [negate(0, 2, 4), dot(transposed, rowMajor), negate(3, 1, 4)])
    expect(planned(apart).poolOf).toEqual([-1, -1, 0, 1])
  })

  const prologueOf = (buffer: number): PrologueOperand => ({
    kind: 'prologue',
    nodes: [{ kind: 'load', buffer, view: rowMajor, dtype: 'float32' }],
    operand: 0,
  })

  it('does not let a product take over its accumulator where a prologue reads that too', () => {
    for (const side of ['lhs', 'rhs']) {
      const reading: DotKernel = { ...dot(rowMajor, rowMajor), [side]: prologueOf(2) }
      const apart = program('ioss', [4, 4, 4, 4], [negate(0, 2, 4), reading, negate(3, 1, 4)])
      expect(planned(apart).poolOf).toEqual([-1, -1, 0, 1])
      const shared = { poolBytes: [16], poolOf: [-1, -1, 0, 0], donorOf: [-1] }
      expect(() => checkMemoryPlan(apart, shared)).toThrow(/over buffer 2 while reading that elsewhere/)
    }
  })

  it('keeps what a prologue reads until the product is done', () => {
    const reading: DotKernel = { ...dot(rowMajor, rowMajor), lhs: prologueOf(4) }
    const kernels = [negate(0, 4, 4), negate(0, 2, 4), reading, negate(3, 1, 4)]
    const late = program('iosss', [4, 4, 4, 4, 4], kernels)
    expect(planned(late).poolOf).toEqual([-1, -1, 1, 1, 0])
  })

  it('gives donated inputs to outputs of equal size once they are not read any more', () => {
    const update = program('iio', [4, 4, 4], [negate(0, 2, 4)])
    expect(planned(update).donorOf).toEqual([-1])
    expect(planned(update, [0]).donorOf).toEqual([0])
    expect(planned(update, [1]).donorOf).toEqual([1])
    const elsewhere = program('io', [4, 4], [negate(0, 1, 4, reversed(4))])
    expect(planned(elsewhere, [0]).donorOf).toEqual([-1])
    const smaller = program('io', [4, 2], [negate(0, 1, 2)])
    expect(planned(smaller, [0]).donorOf).toEqual([-1])
    const readLater = program('ioo', [4, 4, 4], [negate(0, 1, 4), negate(0, 2, 4)])
    expect(planned(readLater, [0]).donorOf).toEqual([-1, 0])
  })
})

describe('checkMemoryPlan', () => {
  const chain = program(
    'ioss',
    [4, 4, 4, 4],
    [negate(0, 2, 4), negate(2, 3, 4, reversed(4)), negate(3, 1, 4)],
  )

  it('refuses to write over what is read elsewhere in the same kernel', () => {
    const plan = { poolBytes: [16], poolOf: [-1, -1, 0, 0], donorOf: [-1] }
    expect(() => checkMemoryPlan(chain, plan)).toThrow(/over buffer 2 while reading that elsewhere/)
  })

  it('refuses to read what was overwritten', () => {
    const twice = program(
      'iooss',
      [4, 4, 4, 4, 4],
      [negate(0, 3, 4), negate(0, 4, 4), negate(3, 1, 4), negate(4, 2, 4)],
    )
    const plan = { poolBytes: [16], poolOf: [-1, -1, -1, 0, 0], donorOf: [-1, -1] }
    expect(() => checkMemoryPlan(twice, plan)).toThrow(/buffer 3 was overwritten/)
  })

  it('refuses pools that are too small, pools of outputs, and double donation', () => {
    const small = { poolBytes: [12, 16], poolOf: [-1, -1, 0, 1], donorOf: [-1] }
    expect(() => checkMemoryPlan(chain, small)).toThrow(/does not fit pool 0/)
    const pooled = { poolBytes: [16, 16], poolOf: [-1, 0, 0, 1], donorOf: [-1] }
    expect(() => checkMemoryPlan(chain, pooled)).toThrow(/inputs and outputs have no pool/)
    const twice = program('ioo', [4, 4, 4], [negate(0, 1, 4), negate(0, 2, 4)])
    expect(() => checkMemoryPlan(twice, { poolBytes: [], poolOf: [-1, -1, -1], donorOf: [0, 0] })).toThrow(
      /donated at most once/,
    )
  })
})
