/** The checker refuses each kind of broken kernel program. */
import { describe, expect, it } from 'vitest'
import { checkKernelProgram } from './checkKernelProgram.ts'
import type { DotKernel, KernelProgram, MapKernel, PrologueOperand, ReduceKernel } from './kernel.ts'
import { printKernel, printKernelProgram } from './kernelPrinter.ts'

const map: MapKernel = {
  kind: 'map',
  domain: [2, 3],
  nodes: [
    { kind: 'load', buffer: 0, view: { offset: 0, strides: [1, 2] }, dtype: 'float32' },
    { kind: 'constant', value: 2, dtype: 'float32' },
    { kind: 'apply', primitive: 'multiply', operands: [0, 1], dtype: 'float32' },
  ],
  stores: [{ node: 2, buffer: 1, view: { offset: 0, strides: [3, 1] } }],
}
const good: KernelProgram = {
  name: 'good',
  buffers: [
    { dtype: 'float32', elements: 6, role: 'input' },
    { dtype: 'float32', elements: 6, role: 'output' },
    { dtype: 'float32', elements: 6, role: 'scratch' },
  ],
  inputs: [0],
  outputs: [1],
  kernels: [map],
}
const withKernel = (kernel: KernelProgram['kernels'][number]): KernelProgram => ({
  ...good,
  kernels: [kernel],
})
const store = (view: MapKernel['stores'][number]['view'], buffer = 1): MapKernel => ({
  ...map,
  stores: [{ node: 2, buffer, view }],
})
const reading = (buffer: number): MapKernel => ({
  ...map,
  nodes: map.nodes.map((node) => (node.kind === 'load' ? { ...node, buffer } : node)),
})
const dot: DotKernel = {
  kind: 'dot',
  batch: 1,
  rows: 2,
  columns: 3,
  depth: 1,
  dtype: 'float32',
  lhs: { kind: 'load', buffer: 0, view: { offset: 0, strides: [0, 1, 0] } },
  rhs: { kind: 'load', buffer: 0, view: { offset: 0, strides: [0, 0, 1] } },
  epilogue: [{ kind: 'result', dtype: 'float32' }],
  stores: [{ node: 0, buffer: 1, view: { offset: 0, strides: [0, 3, 1] } }],
}

const load = { kind: 'load', buffer: 0, view: { offset: 0, strides: [0, 1, 0] }, dtype: 'float32' } as const
const twice = { kind: 'apply', primitive: 'add', operands: [0, 0], dtype: 'float32' } as const
const prologue = (nodes: PrologueOperand['nodes'], operand = nodes.length - 1): KernelProgram =>
  withKernel({ ...dot, lhs: { kind: 'prologue', nodes, operand } })

describe('checkKernelProgram', () => {
  it('returns a good program', () => {
    expect(checkKernelProgram(good)).toBe(good)
    const product = withKernel(dot)
    expect(checkKernelProgram(product)).toBe(product)
    const computing = prologue([load, twice])
    expect(checkKernelProgram(computing)).toBe(computing)
  })

  it.each<[string, KernelProgram, RegExp]>([
    [
      'a store outside its buffer',
      withKernel(store({ offset: 1, strides: [3, 1] })),
      /elements 1 to 6 are outside/,
    ],
    ['a load outside its buffer', withKernel({ ...map, domain: [2, 4] }), /are outside buffer 0/],
    [
      'an element stored twice',
      withKernel(store({ offset: 0, strides: [1, 1] })),
      /stores element 1 of buffer 1 twice/,
    ],
    ['an incomplete output', withKernel({ ...map, domain: [2, 2] }), /buffer 1 is not written completely/],
    [
      'a write to an input',
      withKernel(store({ offset: 0, strides: [3, 1] }, 0)),
      /reads buffer 0, which it writes/,
    ],
    ['a read before any write', withKernel(reading(2)), /reads element 0 of buffer 2 before a write/],
    ['a view of another rank', withKernel(store({ offset: 0, strides: [1] })), /one stride per axis/],
    ['an empty domain', withKernel({ ...map, domain: [0, 3] }), /domains are not empty/],
    ['no store', withKernel({ ...map, stores: [] }), /at least one store/],
    [
      'an operand that comes later',
      withKernel({ ...map, nodes: [...map.nodes].reverse() }),
      /uses a later node/,
    ],
    ['a store of no node', withKernel({ ...map, nodes: map.nodes.slice(0, 2) }), /does not exist/],
    ['an output that is an input', { ...good, outputs: [0] }, /distinct buffers/],
    [
      'a stray output',
      { ...good, buffers: good.buffers.map((b) => ({ ...b, role: 'output' })) },
      /the role input/,
    ],
    [
      'another dtype loaded',
      { ...good, buffers: [{ ...good.buffers[0], dtype: 'int32' }, ...good.buffers.slice(1)] },
      /loads another dtype/,
    ],
    [
      'another dtype stored',
      { ...good, buffers: [good.buffers[0], { ...good.buffers[1], dtype: 'int32' }, good.buffers[2]] },
      /stores another dtype/,
    ],
    [
      'a first store of a product without unit stride',
      withKernel({ ...dot, stores: [{ node: 0, buffer: 1, view: { offset: 0, strides: [0, 1, 2] } }] }),
      /unit stride along columns/,
    ],
    [
      'a prologue that reads outside its buffer',
      prologue([{ ...load, view: { offset: 5, strides: [0, 1, 0] } }]),
      /elements 5 to 6 are outside/,
    ],
    ['a prologue before its write', prologue([{ ...load, buffer: 2 }]), /of buffer 2 before a write/],
    [
      'a prologue that reads what the product writes',
      prologue([{ ...load, buffer: 1 }]),
      /reads buffer 1, which it writes/,
    ],
    ['a prologue that uses a later node', prologue([twice, load]), /uses a later node/],
    [
      'a prologue over another domain',
      prologue([{ ...load, view: { offset: 0, strides: [1] } }]),
      /one stride per axis of \[1,2,1\]/,
    ],
    ['a result in a prologue', prologue([{ kind: 'result', dtype: 'float32' }]), /the result has dtype/],
    ['a prologue without its node', prologue([load, twice], 2), /dtype undefined is multiplied in float32/],
    [
      'a prologue of another dtype',
      prologue([load, { ...twice, primitive: 'less', dtype: 'bool' }]),
      /dtype bool is multiplied in float32/,
    ],
    [
      'an operand of another dtype',
      {
        ...withKernel({ ...dot, rhs: { kind: 'load', buffer: 2, view: load.view } }),
        buffers: [...good.buffers.slice(0, 2), { dtype: 'int32', elements: 6, role: 'scratch' }],
      },
      /dtype int32 is multiplied in float32/,
    ],
    [
      'a result outside an epilogue',
      withKernel({ ...map, nodes: [{ kind: 'result', dtype: 'float32' }, ...map.nodes.slice(1)] }),
      /the result has dtype undefined/,
    ],
  ])('refuses %s', (_, program, message) => {
    expect(() => checkKernelProgram(program)).toThrow(message)
  })

  it('refuses argMax over several axes', () => {
    const { nodes } = map
    const kernel: ReduceKernel = {
      kind: 'reduce',
      reducer: 'argMax',
      kept: [],
      reduced: [2, 3],
      nodes,
      operand: 2,
      epilogue: [{ kind: 'result', dtype: 'int32' }],
      stores: [{ node: 0, buffer: 1, view: { offset: 0, strides: [] } }],
    }
    expect(() => checkKernelProgram(withKernel(kernel))).toThrow(/argMax reduces one axis/)
  })

  it('shows the program in its message', () => {
    const broken = withKernel(store({ offset: 1, strides: [3, 1] }))
    expect(() => checkKernelProgram(broken)).toThrow(printKernelProgram(broken))
  })
})

describe('printKernelProgram', () => {
  it('prints prologues in the place of operands, with the names of shared nodes first', () => {
    const square = { ...twice, primitive: 'multiply', operands: [1, 1] } as const
    const row = { ...load, view: { offset: 3, strides: [0, 0, 1] } } as const
    const lhs = { kind: 'prologue', nodes: [load, twice, square], operand: 2 } as const
    const rhs = { kind: 'prologue', nodes: [row, twice, square], operand: 2 } as const
    expect(printKernel({ ...dot, lhs, rhs })).toBe(
      'dot [1,2,1]·[1,1,3]: l1 = add(#0, #0); r1 = add(#0{3+0,0,1}, #0{3+0,0,1}); ' +
        '#1 = multiply(l1, l1) · multiply(r1, r1)',
    )
  })

  it('prints buffers and one line per kernel', () => {
    expect(printKernelProgram({ ...good, kernels: [map, dot] })).toBe(
      [
        'good(#0: float32[6]) {',
        '  map [2,3]: #1 = multiply(#0{0+1,2}, 2)',
        '  dot [1,2,1]·[1,1,3]: #1 = #0 · #0',
        '  return #1: float32[6]',
        '}',
      ].join('\n'),
    )
  })
})
