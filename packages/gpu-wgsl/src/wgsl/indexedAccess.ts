/**
 * Loads and index nodes of a scalar expression at one index, element by element: what `emitExpression` asks for. The
 * form for vectors of four is in `vectorAccess.ts`.
 */
import type { ScalarNode, Store, View } from '@hessian-free/tensor'
import type { IndexNames } from './indexArithmetic.ts'
import { elementIndex, indexValue } from './indexArithmetic.ts'
import type { KernelBindings } from './kernelBindings.ts'
import type { EmittedExpression, ExpressionContext } from './scalarExpression.ts'

/** Reads the element (u32 expression) that `elementOf` gives for a view. */
export const accessBy = (
  bindings: KernelBindings,
  elementOf: (view: View) => string,
): Pick<ExpressionContext, 'lanes' | 'load' | 'index'> => ({
  lanes: 1,
  load: ({ buffer, view }) => bindings.load(buffer, elementOf(view)),
  index: (node) => indexValue(node, elementOf(node.view)),
})

/** Reads at the index `names` of the domain that the views are over. */
export const accessAt = (
  bindings: KernelBindings,
  names: IndexNames,
): Pick<ExpressionContext, 'lanes' | 'load' | 'index'> =>
  accessBy(bindings, (view) => elementIndex(view, names))

/** Statements that store at the index; to come after every load, because a store may share a load's storage. */
export const storesAt = (
  stores: readonly Store[],
  { values }: Pick<EmittedExpression, 'values'>,
  bindings: KernelBindings,
  names: IndexNames,
): string =>
  stores
    .map(({ node, buffer, view }) => `${bindings.store(buffer, elementIndex(view, names), values[node])}\n`)
    .join('')

/** Buffers that the nodes load, each once. */
export const buffersLoaded = (nodes: readonly ScalarNode[]): number[] => [
  ...new Set(nodes.flatMap((node) => (node.kind === 'load' ? [node.buffer] : []))),
]
