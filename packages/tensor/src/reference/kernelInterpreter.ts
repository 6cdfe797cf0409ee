/**
 * Runs fused kernels in plain TypeScript, honouring the memory plan to the letter: scratch buffers of one pool
 * share one array, donated inputs are overwritten. A fusion or a plan that is wrong gives wrong numbers here,
 * without any code generation in between. Scratch memory starts as NaN, so reading what nobody wrote shows.
 */
import type { TypedArray } from '../dtype.ts'
import { bytesPerElement, typedArray } from '../dtype.ts'
import type {
  Block,
  DotKernel,
  GatherKernel,
  Kernel,
  KernelProgram,
  MapKernel,
  MemoryPlan,
  ReduceKernel,
  ScalarNode,
  ScatterAddKernel,
  Store,
  View,
} from '../kernel/kernel.ts'
import type { TensorType } from '../program/program.ts'
import { randomBits } from '../random/threefry.ts'
import { elementFunctions } from './elementFunctions.ts'
import { leastOf } from './evaluationRules.ts'
import type { HostOperand } from './hostOperand.ts'
import { forEachIndex } from './hostOperand.ts'

type Memory = readonly TypedArray[]

/** Views into one pool: arrays of the buffer's dtype over shared bytes. */
function poolArray(bytes: ArrayBuffer, { dtype, elements }: KernelProgram['buffers'][number]): TypedArray {
  if (dtype === 'float32') return new Float32Array(bytes, 0, elements)
  if (dtype === 'float64') return new Float64Array(bytes, 0, elements)
  return dtype === 'int32' ? new Int32Array(bytes, 0, elements) : new Uint32Array(bytes, 0, elements)
}

function allocate(program: KernelProgram, plan: MemoryPlan, inputs: readonly HostOperand[]): Memory {
  const pools = plan.poolBytes.map((bytes) => {
    const pool = new ArrayBuffer(Math.ceil(bytes / 8) * 8)
    new Float64Array(pool).fill(NaN)
    return pool
  })
  return program.buffers.map((buffer, index) => {
    const input = program.inputs.indexOf(index)
    if (input >= 0) return inputs[input].data
    if (buffer.role === 'scratch') return poolArray(pools[plan.poolOf[index]], buffer)
    const donor = plan.donorOf[program.outputs.indexOf(index)]
    if (donor < 0) return typedArray(buffer.dtype, buffer.elements)
    const { data } = inputs[donor]
    // A donor of another dtype lends its bytes.
    return data.BYTES_PER_ELEMENT === bytesPerElement[buffer.dtype]
      ? poolArray(data.buffer as ArrayBuffer, buffer)
      : data
  })
}

const at = ({ offset, strides }: View, index: readonly number[]): number =>
  strides.reduce((position, stride, axis) => position + stride * index[axis], offset)

/** Values of all nodes at an index; `result` is the leaf of an epilogue. */
function evaluate(
  nodes: readonly ScalarNode[],
  memory: Memory,
  index: readonly number[],
  result: number,
): number[] {
  const values: number[] = []
  for (const node of nodes) {
    values.push(valueOf(node, nodes, values, memory, index, result))
  }
  return values
}

function valueOf(
  node: ScalarNode,
  nodes: readonly ScalarNode[],
  values: readonly number[],
  memory: Memory,
  index: readonly number[],
  result: number,
): number {
  switch (node.kind) {
    case 'load':
      return memory[node.buffer][at(node.view, index)]
    case 'constant':
      return node.value
    case 'index':
      return at(node.view, index)
    case 'result':
      return result
    case 'apply': {
      const [x, y, z] = node.operands
      const first = nodes[x].dtype
      return rounded(
        elementFunctions[node.primitive](values[x], values[y], values[z], first, node.dtype),
        node.dtype,
      )
    }
  }
}

/** A scalar as its dtype holds it. */
function rounded(value: number, dtype: ScalarNode['dtype']): number {
  if (dtype === 'float32') return Math.fround(value)
  if (dtype === 'float64') return value
  return dtype === 'int32' ? value | 0 : value >>> 0
}

function store(
  stores: readonly Store[],
  values: readonly number[],
  memory: Memory,
  index: readonly number[],
): void {
  for (const { node, buffer, view } of stores) memory[buffer][at(view, index)] = values[node]
}

function runMap({ domain, nodes, stores }: MapKernel, memory: Memory): void {
  forEachIndex(domain, (index) => store(stores, evaluate(nodes, memory, index, NaN), memory, index))
}

function runReduce(
  { reducer, kept, reduced, nodes, operand, epilogue, stores }: ReduceKernel,
  memory: Memory,
): void {
  forEachIndex(kept, (outer) => {
    const index = [...outer]
    let result = reducer === 'sum' ? 0 : reducer === 'max' ? leastOf(nodes[operand].dtype) : 0
    let largest = NaN
    forEachIndex(reduced, (inner, position) => {
      const value = evaluate(nodes, memory, [...index, ...inner], NaN)[operand]
      if (reducer === 'sum') result += value
      else if (reducer === 'max') result = Math.max(result, value)
      else if (position === 0 || value > largest || (Number.isNaN(value) && !Number.isNaN(largest))) {
        result = position
        largest = value
      }
    })
    const total = rounded(result, reducer === 'argMax' ? 'int32' : nodes[operand].dtype)
    store(stores, evaluate(epilogue, memory, outer, total), memory, outer)
  })
}

function runDot(kernel: DotKernel, memory: Memory): void {
  const { batch, rows, columns, depth, dtype, lhs, rhs, accumulator, epilogue, stores } = kernel
  forEachIndex([batch, rows, columns], (index) => {
    const [b, i, j] = index
    let sum = accumulator === undefined ? 0 : memory[accumulator.buffer][at(accumulator.view, index)]
    for (let k = 0; k < depth; k++) {
      sum += memory[lhs.buffer][at(lhs.view, [b, i, k])] * memory[rhs.buffer][at(rhs.view, [b, k, j])]
    }
    store(stores, evaluate(epilogue, memory, index, rounded(sum, dtype)), memory, index)
  })
}

const clamp = (index: number, extent: number): number => Math.min(extent - 1, Math.max(0, index))

const blockOf = ({ buffer, offset }: Block, memory: Memory): TypedArray => memory[buffer].subarray(offset)

function runGather(
  { outer, extent, count, inner, operand, indices, output }: GatherKernel,
  memory: Memory,
): void {
  const [from, at, to] = [blockOf(operand, memory), blockOf(indices, memory), blockOf(output, memory)]
  forEachIndex([outer, count, inner], ([o, c, i], position) => {
    to[position] = from[(o * extent + clamp(at[c], extent)) * inner + i]
  })
}

function runScatterAdd(kernel: ScatterAddKernel, memory: Memory): void {
  const { outer, extent, count, inner, operand, indices, updates, output } = kernel
  const [at, added, to] = [blockOf(indices, memory), blockOf(updates, memory), blockOf(output, memory)]
  const sums = Float64Array.from(blockOf(operand, memory).subarray(0, outer * extent * inner))
  forEachIndex([outer, count, inner], ([o, c, i], position) => {
    sums[(o * extent + clamp(at[c], extent)) * inner + i] += added[position]
  })
  sums.forEach((value, i) => (to[i] = rounded(value, kernel.dtype)))
}

function runKernel(kernel: Kernel, memory: Memory): void {
  switch (kernel.kind) {
    case 'map':
      return runMap(kernel, memory)
    case 'reduce':
      return runReduce(kernel, memory)
    case 'dot':
      return runDot(kernel, memory)
    case 'gather':
      return runGather(kernel, memory)
    case 'scatterAdd':
      return runScatterAdd(kernel, memory)
    case 'randomBits': {
      const key = blockOf(kernel.key, memory)
      blockOf(kernel.output, memory).set(randomBits([key[0], key[1]], kernel.count))
    }
  }
}

/** Runs all kernels; results are fresh, or the arrays of donated inputs. */
export function interpretKernels(
  program: KernelProgram,
  plan: MemoryPlan,
  types: readonly TensorType[],
  inputs: readonly HostOperand[],
): HostOperand[] {
  const memory = allocate(program, plan, inputs)
  for (const kernel of program.kernels) runKernel(kernel, memory)
  return program.outputs.map((buffer, i) => ({
    shape: types[i].shape,
    dtype: types[i].dtype,
    data: memory[buffer],
  }))
}
