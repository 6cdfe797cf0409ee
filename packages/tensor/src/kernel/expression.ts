/**
 * Scalar expressions during lowering: what a value that is not stored looks like to its consumers. An expression
 * is a shared, immutable graph whose leaves read storage through views over the shape of the value; movement of
 * the value is movement of those views. Fusion is nothing but building expressions and choosing which to store.
 *
 * Differs from `ScalarNode`, its final form, in that leaves name storage rather than numbered buffers.
 */
import type { Dtype } from '../dtype.ts'
import type { ElementwisePrimitive } from '../program/primitive.ts'
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { View } from './kernel.ts'

/** A dense array that may become a buffer; identity is the object. */
export interface Storage {
  readonly id: number
  readonly shape: Shape
  readonly dtype: Dtype
}

export interface Leaf {
  readonly kind: 'leaf'
  readonly storage: Storage
  readonly view: View
  readonly dtype: Dtype
}

export type Expression =
  | Leaf
  | { readonly kind: 'constant'; readonly value: number; readonly dtype: Dtype }
  | { readonly kind: 'index'; readonly view: View; readonly dtype: Dtype }
  | {
      readonly kind: 'apply'
      readonly primitive: ElementwisePrimitive
      readonly operands: readonly Expression[]
      readonly dtype: Dtype
      /** Distinct storages read. */
      readonly reads: readonly Storage[]
      /** Nodes of the expression as a tree: an upper bound of the work. */
      readonly cost: number
    }

/**
 * Cost of one evaluation relative to an addition. Heuristic: transcendental functions are 10 to 20 additions as
 * polynomials, divisions and roots a few.
 */
const primitiveCosts: Partial<Record<ElementwisePrimitive, number>> = {
  exp: 16,
  expm1: 20,
  log: 16,
  log1p: 20,
  sin: 16,
  cos: 16,
  tanh: 16,
  sigmoid: 16,
  softplus: 24,
  power: 32,
  divide: 4,
  sqrt: 4,
}

/** Above this an expression is better stored than computed again. */
export const expensiveCost = 8
/** Costs grow exponentially along squares of squares; they are capped, all that matters is "too many". */
const largestCost = 1e6

export const readsOf = (expression: Expression): readonly Storage[] =>
  expression.kind === 'leaf' ? [expression.storage] : expression.kind === 'apply' ? expression.reads : []

export const costOf = (expression: Expression): number => (expression.kind === 'apply' ? expression.cost : 0)

/** Storages read by several expressions, each once. */
export const unionOfReads = (expressions: readonly Expression[]): Storage[] => [
  ...new Set(expressions.flatMap(readsOf)),
]

export function apply(
  primitive: ElementwisePrimitive,
  operands: readonly Expression[],
  dtype: Dtype,
): Expression {
  const own = primitiveCosts[primitive] ?? 1
  const cost = Math.min(
    largestCost,
    operands.reduce((sum, operand) => sum + costOf(operand), own),
  )
  return { kind: 'apply', primitive, operands, dtype, reads: unionOfReads(operands), cost }
}

/** The expression with every view replaced, or undefined if `move` gives up on one of them. */
export function moveExpression(
  expression: Expression,
  move: (view: View) => View | undefined,
): Expression | undefined {
  const moved = new Map<Expression, Expression | undefined>()
  const visit = (node: Expression): Expression | undefined => {
    if (moved.has(node)) return moved.get(node)
    const result = visitAnew(node)
    moved.set(node, result)
    return result
  }
  const visitAnew = (node: Expression): Expression | undefined => {
    if (node.kind === 'constant') return node
    if (node.kind === 'apply') {
      const operands: Expression[] = []
      for (const operand of node.operands) {
        const next = visit(operand)
        if (next === undefined) return undefined
        operands.push(next)
      }
      return { ...node, operands }
    }
    const view = move(node.view)
    return view === undefined ? undefined : { ...node, view }
  }
  return visit(expression)
}

/** Every distinct leaf (storage and view) of the expressions. */
export function leavesOf(expressions: readonly Expression[]): Leaf[] {
  const seen = new Set<Expression>()
  const leaves: Leaf[] = []
  const visit = (node: Expression): void => {
    if (seen.has(node)) return
    seen.add(node)
    if (node.kind === 'leaf') leaves.push(node)
    else if (node.kind === 'apply') node.operands.forEach(visit)
  }
  expressions.forEach(visit)
  return leaves
}

/** How many of the storages have at least the size of the domain: reads that cost memory traffic. */
export const fullSizeReads = (expression: Expression, shape: Shape): number =>
  readsOf(expression).filter((storage) => sizeOf(storage.shape) >= sizeOf(shape)).length
