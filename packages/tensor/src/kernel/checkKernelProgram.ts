/**
 * Checks every invariant of a kernel program by enumeration: node lists are well formed and typed, views stay
 * inside their buffers, no element is stored twice by one kernel, no kernel reads a buffer that it writes, every
 * element is written before it is read, every output is complete, and products keep a first store fit for
 * partial sums. It visits each element of each access, so it is for tests, after lowering.
 */
import { ProgramError } from '../errors.ts'
import type { Shape } from '../shape.ts'
import type { BufferIndex, DotKernel, DotOperand, Kernel, KernelProgram, ScalarNode, View } from './kernel.ts'
import type { Access } from './kernelAccess.ts'
import { domainOfStores, readsOfKernel, writesOfKernel } from './kernelAccess.ts'
import { printKernel, printKernelProgram } from './kernelPrinter.ts'
import { viewBounds } from './view.ts'

type Fail = (rule: string) => never

/** Calls `visit` with each element of the view over the domain, in row-major order. */
export function forEachElement(
  { offset, strides }: View,
  domain: Shape,
  visit: (element: number) => void,
  axis = 0,
): void {
  if (axis === domain.length) {
    visit(offset)
    return
  }
  for (let i = 0; i < domain[axis]; i++) {
    forEachElement({ offset: offset + i * strides[axis], strides }, domain, visit, axis + 1)
  }
}

/** @returns the program itself, for chaining. @throws {ProgramError} naming the kernel and the rule. */
export function checkKernelProgram(program: KernelProgram): KernelProgram {
  const { buffers, inputs, outputs, kernels } = program
  const failAt =
    (where: string): Fail =>
    (rule) => {
      throw new ProgramError({
        operation: `kernel program ${program.name}, ${where}`,
        rule,
        found: `\n${printKernelProgram(program)}\n`,
      })
    }
  checkInterface(program, failAt('interface'))
  const written = buffers.map(({ elements, role }) => new Uint8Array(elements).fill(role === 'input' ? 1 : 0))
  kernels.forEach((kernel, position) => {
    const fail = failAt(`kernel ${position} (${printKernel(kernel)})`)
    checkNodes(program, kernel, fail)
    const reads = readsOfKernel(kernel)
    const writes = writesOfKernel(kernel)
    for (const access of [...reads, ...writes]) checkBounds(program, access, fail)
    for (const { buffer, view, domain } of reads) {
      if (writes.some((write) => write.buffer === buffer)) fail(`reads buffer ${buffer}, which it writes`)
      forEachElement(view, domain, (element) => {
        if (written[buffer][element] === 0)
          fail(`reads element ${element} of buffer ${buffer} before a write`)
      })
    }
    const here = new Map<BufferIndex, Set<number>>()
    for (const { buffer, view, domain } of writes) {
      if (inputs.includes(buffer)) fail(`writes the input buffer ${buffer}`)
      const elements = here.get(buffer) ?? new Set()
      here.set(buffer, elements)
      forEachElement(view, domain, (element) => {
        if (elements.has(element)) fail(`stores element ${element} of buffer ${buffer} twice`)
        elements.add(element)
        written[buffer][element] = 1
      })
    }
    if (kernel.kind === 'dot') checkPartialSums(program, kernel, fail)
  })
  for (const output of outputs) {
    if (written[output].includes(0)) failAt('outputs')(`buffer ${output} is not written completely`)
  }
  return program
}

function checkInterface({ buffers, inputs, outputs }: KernelProgram, fail: Fail): void {
  const distinct = (list: readonly BufferIndex[]): boolean => new Set(list).size === list.length
  if (!distinct([...inputs, ...outputs])) fail('inputs and outputs must be distinct buffers')
  if (!inputs.every((buffer) => buffers[buffer].role === 'input')) fail('inputs must have the role input')
  if (!outputs.every((buffer) => buffers[buffer].role === 'output')) fail('outputs must have the role output')
  const named = buffers.filter(({ role }) => role !== 'scratch').length
  if (named !== inputs.length + outputs.length) fail('every other buffer must be scratch')
}

function checkBounds({ buffers }: KernelProgram, { buffer, view, domain }: Access, fail: Fail): void {
  if (view.strides.length !== domain.length) fail(`a view has one stride per axis of [${domain.join(',')}]`)
  if (domain.some((extent) => extent < 1)) fail('domains are not empty')
  if (buffers[buffer] === undefined) fail(`there is no buffer ${buffer}`)
  const { least, greatest } = viewBounds(view, domain)
  if (least < 0 || greatest >= buffers[buffer].elements) {
    fail(`elements ${least} to ${greatest} are outside buffer ${buffer} of ${buffers[buffer].elements}`)
  }
}

function checkNodeList(
  { buffers }: KernelProgram,
  nodes: readonly ScalarNode[],
  result: ScalarNode['dtype'] | undefined,
  fail: Fail,
): void {
  nodes.forEach((node, position) => {
    switch (node.kind) {
      case 'load':
        if (buffers[node.buffer].dtype !== node.dtype) fail(`node ${position} loads another dtype`)
        return
      case 'result':
        if (node.dtype !== result) fail(`node ${position}: the result has dtype ${String(result)}`)
        return
      case 'apply':
        if (node.operands.some((operand) => operand >= position)) fail(`node ${position} uses a later node`)
        return
      case 'constant':
      case 'index':
    }
  })
}

function checkNodes(program: KernelProgram, kernel: Kernel, fail: Fail): void {
  if (kernel.kind !== 'map' && kernel.kind !== 'reduce' && kernel.kind !== 'dot') return
  if (kernel.kind !== 'dot') checkNodeList(program, kernel.nodes, undefined, fail)
  if (kernel.kind === 'reduce') {
    if (kernel.nodes[kernel.operand] === undefined) fail('the reduced node does not exist')
    if (kernel.reducer === 'argMax' && kernel.reduced.length !== 1) fail('argMax reduces one axis')
    const dtype = kernel.reducer === 'argMax' ? 'int32' : kernel.nodes[kernel.operand].dtype
    checkNodeList(program, kernel.epilogue, dtype, fail)
  }
  if (kernel.kind === 'dot') {
    for (const operand of [kernel.lhs, kernel.rhs]) checkOperand(program, kernel, operand, fail)
    checkNodeList(program, kernel.epilogue, kernel.dtype, fail)
  }
  const stored = kernel.kind === 'map' ? kernel.nodes : kernel.epilogue
  if (kernel.stores.length === 0) fail('a kernel has at least one store')
  for (const { node, buffer, view } of kernel.stores) {
    if (stored[node] === undefined) fail(`stores node ${node}, which does not exist`)
    if (stored[node].dtype !== program.buffers[buffer].dtype) fail(`stores another dtype in buffer ${buffer}`)
    if (view.strides.length !== domainOfStores(kernel).length) fail('a store has one stride per axis')
  }
}

function checkOperand(program: KernelProgram, { dtype }: DotKernel, operand: DotOperand, fail: Fail): void {
  if (operand.kind === 'prologue') checkNodeList(program, operand.nodes, undefined, fail)
  const found =
    operand.kind === 'load' ? program.buffers[operand.buffer]?.dtype : operand.nodes[operand.operand]?.dtype
  if (found !== dtype) fail(`an operand of dtype ${found} is multiplied in ${dtype}`)
}

function checkPartialSums({ buffers }: KernelProgram, kernel: DotKernel, fail: Fail): void {
  const [{ buffer, view }] = kernel.stores
  if (buffers[buffer].dtype !== kernel.dtype) fail('the first store of a product has its dtype')
  if (kernel.columns > 1 && view.strides[2] !== 1) fail('the first store has unit stride along columns')
}
