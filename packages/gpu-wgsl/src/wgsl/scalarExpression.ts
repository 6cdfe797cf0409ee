/**
 * The scalar expression of a fused kernel as WGSL statements: one `let` per node, over one element or a vector of four.
 * Element functions that WGSL lacks, or computes too coarsely, come from `elementFunctions.ts`.
 */
import type { ScalarNode } from '@hessian-free/tensor'
import type { Lanes } from './kernelBindings.ts'

export interface ExpressionContext {
  readonly lanes: Lanes
  /** WGSL expression of a load's value at the current index. */
  load(node: Extract<ScalarNode, { readonly kind: 'load' }>): string
  /** WGSL expression, of the node's value type, of offset + Σ strides·index at the current index. */
  index(node: Extract<ScalarNode, { readonly kind: 'index' }>): string
  /** WGSL expression of the root's value at the current index; only in epilogues. */
  readonly result?: string
}

export interface EmittedExpression {
  /** `let` statements, one per line. */
  readonly statements: string
  /** Name (or literal) of the value of each node. */
  readonly values: readonly string[]
  /** Definitions of the functions that the statements call, for `elementFunctionSource`. */
  readonly functions: ReadonlySet<string>
}

/** @param prefix of the names it defines; two expressions in one scope need different ones. */
export declare function emitExpression(
  nodes: readonly ScalarNode[],
  context: ExpressionContext,
  prefix?: string,
): EmittedExpression

/** Module-scope WGSL of the named functions and of what they call, each once. */
export declare function elementFunctionSource(functions: Iterable<string>): string
