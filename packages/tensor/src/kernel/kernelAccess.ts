/**
 * What a kernel reads and writes, whatever its kind: the one place that knows where each kind keeps its buffers.
 * Liveness, checking and printing are written over this.
 */
import { ProgramError } from '../errors.ts'
import type { Shape } from '../shape.ts'
import type { Block, BufferIndex, DotOperand, Kernel, ScalarNode, StoredOperand, View } from './kernel.ts'
import { denseView } from './view.ts'

/** A set of elements of a buffer: a view over a domain. */
export interface Access {
  readonly buffer: BufferIndex
  readonly view: View
  readonly domain: Shape
}

const loads = (nodes: readonly ScalarNode[], domain: Shape): Access[] =>
  nodes.flatMap((node) => (node.kind === 'load' ? [{ buffer: node.buffer, view: node.view, domain }] : []))

const blockAccess = ({ buffer, offset }: Block, domain: Shape): Access => ({
  buffer,
  view: denseView(domain, offset),
  domain,
})

const operandReads = (operand: DotOperand, domain: Shape): Access[] =>
  operand.kind === 'load'
    ? [{ buffer: operand.buffer, view: operand.view, domain }]
    : loads(operand.nodes, domain)

/**
 * The operand of a product as a matrix in memory, for backends that do not evaluate prologues.
 * @throws {ProgramError} for a prologue.
 */
export function storedOperand(operand: DotOperand): StoredOperand {
  if (operand.kind === 'load') return operand
  throw new ProgramError({
    operation: 'read an operand of a matrix product',
    rule: 'the operand must be stored',
    found: 'a prologue',
    remedy: 'Lower the program without the option productPrologues',
  })
}

/** Everything the kernel reads from memory. */
export function readsOfKernel(kernel: Kernel): Access[] {
  switch (kernel.kind) {
    case 'map':
      return loads(kernel.nodes, kernel.domain)
    case 'reduce': {
      const { kept, reduced, nodes, epilogue } = kernel
      return [...loads(nodes, [...kept, ...reduced]), ...loads(epilogue, kept)]
    }
    case 'dot': {
      const { batch, rows, columns, depth, lhs, rhs, accumulator, epilogue } = kernel
      const result = [batch, rows, columns]
      return [
        ...operandReads(lhs, [batch, rows, depth]),
        ...operandReads(rhs, [batch, depth, columns]),
        ...(accumulator === undefined ? [] : operandReads({ kind: 'load', ...accumulator }, result)),
        ...loads(epilogue, result),
      ]
    }
    case 'gather': {
      const { outer, extent, count, inner, operand, indices } = kernel
      return [blockAccess(operand, [outer, extent, inner]), blockAccess(indices, [count])]
    }
    case 'scatterAdd': {
      const { outer, extent, count, inner, operand, indices, updates } = kernel
      return [
        blockAccess(operand, [outer, extent, inner]),
        blockAccess(indices, [count]),
        blockAccess(updates, [outer, count, inner]),
      ]
    }
    case 'randomBits':
      return [blockAccess(kernel.key, [2])]
  }
}

/** Everything the kernel writes. */
export function writesOfKernel(kernel: Kernel): Access[] {
  switch (kernel.kind) {
    case 'map':
    case 'reduce':
    case 'dot':
      return kernel.stores.map(({ buffer, view }) => ({ buffer, view, domain: domainOfStores(kernel) }))
    case 'gather':
      return [blockAccess(kernel.output, [kernel.outer, kernel.count, kernel.inner])]
    case 'scatterAdd':
      return [blockAccess(kernel.output, [kernel.outer, kernel.extent, kernel.inner])]
    case 'randomBits':
      return [blockAccess(kernel.output, [kernel.count])]
  }
}

/** The domain of stores and epilogue. */
export function domainOfStores(kernel: Extract<Kernel, { readonly stores: unknown }>): Shape {
  switch (kernel.kind) {
    case 'map':
      return kernel.domain
    case 'reduce':
      return kernel.kept
    case 'dot':
      return [kernel.batch, kernel.rows, kernel.columns]
  }
}
