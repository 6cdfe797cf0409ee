/**
 * Expressions of a group as the node list of a kernel: shared subexpressions become one node, reads of what the
 * group itself computes become the nodes that compute it, and storages become buffer numbers.
 */
import type { Expression, Leaf, Storage } from './expression.ts'
import type { BufferIndex, ScalarNode, View } from './kernel.ts'

/** `internal` as in `Group`: what the kernel computes itself; undefined stands for the root's result. */
export class ScalarNodes {
  readonly nodes: ScalarNode[] = []
  readonly #numbers = new Map<string, number>()
  readonly #known = new Map<Expression, number>()

  constructor(
    readonly internal: ReadonlyMap<Storage, Expression | undefined>,
    readonly bufferOf: (storage: Storage) => BufferIndex,
    readonly move: (view: View) => View,
  ) {}

  /** The position of the node that computes the expression. */
  add(expression: Expression): number {
    const known = this.#known.get(expression)
    if (known !== undefined) return known
    const position = this.#addAnew(expression)
    this.#known.set(expression, position)
    return position
  }

  #addAnew(expression: Expression): number {
    switch (expression.kind) {
      case 'leaf':
        return this.#leaf(expression)
      case 'constant': {
        const { value } = expression
        const text = Object.is(value, -0) ? '-0' : String(value)
        return this.#node(`constant ${text} ${expression.dtype}`, expression)
      }
      case 'index': {
        const view = this.move(expression.view)
        return this.#node(`index ${viewKey(view)} ${expression.dtype}`, { ...expression, view })
      }
      case 'apply': {
        const { primitive, dtype } = expression
        const operands = expression.operands.map((operand) => this.add(operand))
        return this.#node(`${primitive} ${operands.join(' ')} ${dtype}`, {
          kind: 'apply',
          primitive,
          operands,
          dtype,
        })
      }
    }
  }

  #leaf({ storage, view, dtype }: Leaf): number {
    if (this.internal.has(storage)) {
      const expression = this.internal.get(storage)
      return expression === undefined ? this.#node('result', { kind: 'result', dtype }) : this.add(expression)
    }
    const buffer = this.bufferOf(storage)
    const moved = this.move(view)
    return this.#node(`load ${buffer} ${viewKey(moved)}`, { kind: 'load', buffer, view: moved, dtype })
  }

  #node(key: string, node: ScalarNode): number {
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const position = this.nodes.push(node) - 1
    this.#numbers.set(key, position)
    return position
  }
}

const viewKey = ({ offset, strides }: View): string => `${offset}+${strides.join(',')}`
