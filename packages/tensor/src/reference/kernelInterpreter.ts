/**
 * Runs fused kernels in plain TypeScript, honouring the memory plan to the letter (see `kernelMemory.ts`). A
 * fusion or a plan that is wrong gives wrong numbers here, without any code generation in between. Rounding is
 * that of `evaluationRules.ts`: once per primitive, with float64 inside sums and products.
 *
 * Elements are loaded, computed and stored one index after the other in row-major order, which is the weakest
 * order that in-place updates (a load and a store with equal views) may rely on.
 */
import type { Dtype, TypedArray } from '../dtype.ts'
import { typedArray } from '../dtype.ts'
import type {
  Block,
  DotKernel,
  DotOperand,
  GatherKernel,
  Kernel,
  KernelProgram,
  MapKernel,
  MemoryPlan,
  RandomBitsKernel,
  ReduceKernel,
  ScalarNode,
  ScatterAddKernel,
  Store,
} from '../kernel/kernel.ts'
import { randomBits } from '../random/threefry.ts'
import type { Shape } from '../shape.ts'
import { sizeOf, stridesOf } from '../shape.ts'
import { layOut } from './kernelMemory.ts'
import { accumulate, exceeds } from './reductionEvaluation.ts'
import { clamp, forEachIndex, positionAt } from './rowMajor.ts'
import { convertScalar, leastValue, roundTo, scalarFunctions } from './scalarFunctions.ts'

type Memory = readonly TypedArray[]
type Index = readonly number[]

/** Values of all nodes at an index; `result` is what the root of an epilogue computed there. */
function evaluateNodes(nodes: readonly ScalarNode[], memory: Memory, index: Index, result = NaN): number[] {
  const values: number[] = []
  for (const node of nodes) values.push(valueOf(node, nodes, values, memory, index, result))
  return values
}

function valueOf(
  node: ScalarNode,
  nodes: readonly ScalarNode[],
  values: readonly number[],
  memory: Memory,
  index: Index,
  result: number,
): number {
  switch (node.kind) {
    case 'load':
      return memory[node.buffer][positionAt(index, node.view.strides, node.view.offset)]
    case 'constant':
      return convertScalar(node.value, 'float64', node.dtype)
    case 'index':
      return roundTo(node.dtype, positionAt(index, node.view.strides, node.view.offset))
    case 'result':
      return result
    case 'apply': {
      const operands = node.operands.map((operand) => values[operand])
      return applyScalar(node, operands, nodes[node.operands[0]].dtype)
    }
  }
}

function applyScalar(
  { primitive, dtype }: Extract<ScalarNode, { readonly kind: 'apply' }>,
  [x, y = 0, z = 0]: readonly number[],
  operandDtype: Dtype,
): number {
  if (primitive === 'convert') return convertScalar(x, operandDtype, dtype)
  return roundTo(dtype, scalarFunctions[primitive](x, y, z, operandDtype))
}

function writeStores(
  stores: readonly Store[],
  values: readonly number[],
  memory: Memory,
  index: Index,
): void {
  for (const { node, buffer, view } of stores) {
    memory[buffer][positionAt(index, view.strides, view.offset)] = values[node]
  }
}

function runMap({ domain, nodes, stores }: MapKernel, memory: Memory): void {
  forEachIndex(domain, (index) => {
    writeStores(stores, evaluateNodes(nodes, memory, index), memory, index)
  })
}

function runReduce(kernel: ReduceKernel, memory: Memory): void {
  const { kept, epilogue, stores } = kernel
  forEachIndex(kept, (index) => {
    writeStores(
      stores,
      evaluateNodes(epilogue, memory, index, reduceAt(kernel, memory, index)),
      memory,
      index,
    )
  })
}

function reduceAt({ reducer, reduced, nodes, operand }: ReduceKernel, memory: Memory, outer: Index): number {
  const { dtype } = nodes[operand]
  let result = reducer === 'max' ? leastValue[dtype] : 0
  let largest: number | undefined
  forEachIndex(reduced, (inner, position) => {
    const element = evaluateNodes(nodes, memory, [...outer, ...inner])[operand]
    if (reducer === 'sum') result = accumulate(dtype, result, element)
    else if (reducer === 'max') result = Math.max(result, element)
    else if (largest === undefined || exceeds(element, largest)) {
      largest = element
      result = position
    }
  })
  return roundTo(reducer === 'argMax' ? 'int32' : dtype, result)
}

/** The elements of an operand; a prologue is evaluated as a whole first, each element once. */
function readOperand(
  operand: DotOperand,
  domain: Shape,
  dtype: Dtype,
  memory: Memory,
): (index: Index) => number {
  if (operand.kind === 'load') {
    const elements = memory[operand.buffer]
    const { strides, offset } = operand.view
    return (index) => elements[positionAt(index, strides, offset)]
  }
  const panel = typedArray(dtype, sizeOf(domain))
  forEachIndex(domain, (index, position) => {
    panel[position] = evaluateNodes(operand.nodes, memory, index)[operand.operand]
  })
  const strides = stridesOf(domain)
  return (index) => panel[positionAt(index, strides, 0)]
}

function runDot(kernel: DotKernel, memory: Memory): void {
  const { batch, rows, columns, depth, dtype, lhs, rhs, accumulator, epilogue, stores } = kernel
  const left = readOperand(lhs, [batch, rows, depth], dtype, memory)
  const right = readOperand(rhs, [batch, depth, columns], dtype, memory)
  forEachIndex([batch, rows, columns], (index) => {
    const [b, i, j] = index
    let sum = 0
    for (let k = 0; k < depth; k++) {
      sum += left([b, i, k]) * right([b, k, j])
    }
    if (accumulator !== undefined) {
      sum += memory[accumulator.buffer][positionAt(index, accumulator.view.strides, accumulator.view.offset)]
    }
    writeStores(stores, evaluateNodes(epilogue, memory, index, roundTo(dtype, sum)), memory, index)
  })
}

const blockOf = ({ buffer, offset }: Block, memory: Memory): TypedArray => memory[buffer].subarray(offset)

function runGather(kernel: GatherKernel, memory: Memory): void {
  const { outer, extent, count, inner } = kernel
  const operand = blockOf(kernel.operand, memory)
  const indices = blockOf(kernel.indices, memory)
  const output = blockOf(kernel.output, memory)
  forEachIndex([outer, count, inner], ([o, c, i], position) => {
    output[position] = operand[(o * extent + clamp(indices[c], 0, extent - 1)) * inner + i]
  })
}

function runScatterAdd(kernel: ScatterAddKernel, memory: Memory): void {
  const { dtype, outer, extent, count, inner } = kernel
  const indices = blockOf(kernel.indices, memory)
  const updates = blockOf(kernel.updates, memory)
  const output = blockOf(kernel.output, memory)
  output.set(blockOf(kernel.operand, memory).subarray(0, outer * extent * inner))
  forEachIndex([outer, count, inner], ([o, c, i], position) => {
    const target = (o * extent + clamp(indices[c], 0, extent - 1)) * inner + i
    output[target] = roundTo(dtype, output[target] + updates[position])
  })
}

function runRandomBits({ count, key, output }: RandomBitsKernel, memory: Memory): void {
  const [key0, key1] = blockOf(key, memory)
  blockOf(output, memory).set(randomBits([key0, key1], count))
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
    case 'randomBits':
      return runRandomBits(kernel, memory)
  }
}

/** Runs all kernels. The results are fresh arrays, or over the bytes of the donated inputs they take over. */
export function interpretKernels(
  program: KernelProgram,
  plan: MemoryPlan,
  inputs: readonly TypedArray[],
): TypedArray[] {
  const { arrays, kernelDone } = layOut(program, plan, inputs)
  program.kernels.forEach((kernel, position) => {
    runKernel(kernel, arrays)
    kernelDone(position)
  })
  return program.outputs.map((buffer) => arrays[buffer])
}
