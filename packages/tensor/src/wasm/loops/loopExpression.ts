/**
 * Scalar expressions of a kernel as vector graphs: the same expression on four neighbouring elements at once.
 * Loads, indices and the result of a reduction become inputs of the graph; equal ones are one input.
 */
import type { ScalarNode, View } from '../../kernel/kernel.ts'
import { applyElementFunction, requireVectorDtype } from '../elements/elementFunctions.ts'
import type { ViewOf } from './loopCursors.ts'
import type { VectorGraph, VectorNode } from '../elements/vectorGraph.ts'
import { createVectorGraph } from '../elements/vectorGraph.ts'

/** What an input of the graph is: a view, or (undefined) the result that an epilogue starts from. */
export type LoopInput = ViewOf | undefined

export interface LoopExpression {
  /** One per wanted node. */
  readonly roots: readonly VectorNode[]
  /** By number of the graph's input. */
  readonly inputs: readonly LoopInput[]
}

function constantOf(v: VectorGraph, { value, dtype }: Extract<ScalarNode, { kind: 'constant' }>): VectorNode {
  return dtype === 'float32' ? v.float(value) : v.integer(value)
}

const keyOf = (buffer: number | string, { offset, strides }: View): string =>
  `${buffer}:${offset}+${strides.join(',')}`

/**
 * The graph that computes the nodes at the positions `wanted`.
 * @throws {DtypeError} for float64.
 */
export function loopExpression(nodes: readonly ScalarNode[], wanted: readonly number[]): LoopExpression {
  const v = createVectorGraph()
  const inputs: LoopInput[] = []
  const numbers = new Map<string, number>()
  const inputOf = (key: string, input: LoopInput): VectorNode => {
    let number = numbers.get(key)
    if (number === undefined) {
      number = inputs.push(input) - 1
      numbers.set(key, number)
    }
    return v.input(number)
  }
  const built = new Map<number, VectorNode>()
  const nodeOf = (position: number): VectorNode => {
    const known = built.get(position)
    if (known !== undefined) return known
    const node = build(nodes[position])
    built.set(position, node)
    return node
  }
  const build = (node: ScalarNode): VectorNode => {
    requireVectorDtype('wasm kernel', node.dtype)
    switch (node.kind) {
      case 'constant':
        return constantOf(v, node)
      case 'load':
        return inputOf(keyOf(node.buffer, node.view), { buffer: node.buffer, view: node.view })
      case 'index': {
        const index = inputOf(keyOf('index', node.view), { buffer: undefined, view: node.view })
        return node.dtype === 'float32' ? v.apply('f32x4ConvertI32x4S', index) : index
      }
      case 'result':
        return inputOf('result', undefined)
      case 'apply': {
        const operands = node.operands.map(nodeOf)
        const from = nodes[node.operands[node.operands.length - 1]].dtype
        return applyElementFunction(v, node.primitive, operands, from, node.dtype)
      }
    }
  }
  return { roots: wanted.map(nodeOf), inputs }
}
