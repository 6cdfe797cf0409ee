/**
 * What happens before and after the additions of a reduction: its prologue, which reads the elements of a kept element
 * (or of four side by side), and its epilogue, which computes from the result and stores.
 */
import type { ReduceKernel, ScalarNode, View } from '@hessian-free/tensor'
import { addIndices, decomposeIndex, elementIndex } from './indexArithmetic.ts'
import { accessAt, accessBy, storesAt } from './indexedAccess.ts'
import type { KernelBindings, Lanes } from './kernelBindings.ts'
import type { ReducerState } from './reducerState.ts'
import type { VectorAxis } from './reductionPlan.ts'
import { withKeptLast } from './reductionPlan.ts'
import type { ReductionStage } from './reductionStage.ts'
import { emitExpression } from './scalarExpression.ts'
import { quarteredDomain, vectorAccessBy, vectorView } from './vectorAccess.ts'

/** The nodes with the last axis of their views the one that vectors lie along. */
export const orientedNodes = (
  { kept, nodes }: ReduceKernel,
  vectorAxis: VectorAxis,
): readonly ScalarNode[] =>
  vectorAxis !== 'kept'
    ? nodes
    : nodes.map((node) => ('view' in node ? { ...node, view: withKeptLast(node.view, kept.length) } : node))

/** How the elements of an item are read. The part of every index that depends on the item is computed once. */
export function prologue(
  kernel: ReduceKernel,
  bindings: KernelBindings,
  state: ReducerState,
  vectorAxis: VectorAxis,
): Pick<ReductionStage, 'prepare' | 'functions' | 'join'> {
  const { kept, reduced, operand } = kernel
  const keepsVectors = vectorAxis === 'kept'
  const nodes = orientedNodes(kernel, vectorAxis)
  const outer = decomposeIndex('kept', keepsVectors ? quarteredDomain(kept) : kept, 'i')
  const parts = ({ strides }: View): { keptPart: readonly number[]; reducedPart: readonly number[] } => {
    const first = keepsVectors ? reduced.length : kept.length
    const [head, tail] = [strides.slice(0, first), strides.slice(first)]
    return keepsVectors ? { keptPart: tail, reducedPart: head } : { keptPart: head, reducedPart: tail }
  }
  const bases: string[] = []
  const baseOf = (view: View): string => {
    const base = elementIndex({ offset: view.offset, strides: parts(view).keptPart }, outer.names)
    if (!base.includes(' ')) return base
    if (!bases.includes(base)) bases.push(base)
    return `base${bases.indexOf(base)}`
  }
  const expressionAt = (first: string, lanes: Lanes) => {
    const inner = decomposeIndex(first, lanes === 4 ? quarteredDomain(reduced) : reduced, 'j')
    const elementOf = (view: View): string =>
      addIndices(baseOf(view), elementIndex({ offset: 0, strides: parts(view).reducedPart }, inner.names))
    const access =
      lanes === 4 || keepsVectors ? vectorAccessBy(bindings, elementOf) : accessBy(bindings, elementOf)
    return { inner, expression: emitExpression(nodes, access, 'p') }
  }
  const join = (total: string, first: string, lanes: Lanes): string => {
    const { inner, expression } = expressionAt(first, lanes)
    const position = lanes === 4 ? `${first} * 4u` : first
    const joined = state.join(total, expression.values[operand], position, keepsVectors ? 4 : lanes)
    return `${inner.statements}${expression.statements}${joined}`
  }
  // Emitting in every width collects the bases and functions of all later emissions.
  const widths = vectorAxis === 'reduced' ? ([4, 1] as const) : ([1] as const)
  const functions = new Set(widths.flatMap((lanes) => [...expressionAt('at', lanes).expression.functions]))
  const lets = bases.map((base, i) => `let base${i} = ${base};\n`)
  return { prepare: `${outer.statements}${lets.join('')}`, functions, join }
}

/** What is stored once an item's state is known. */
export function epilogue(
  { kept, epilogue: nodes, stores }: ReduceKernel,
  bindings: KernelBindings,
  state: ReducerState,
  width: Lanes,
): Pick<ReductionStage, 'functions' | 'finish'> {
  const { statements, names } = decomposeIndex('kept', width === 4 ? quarteredDomain(kept) : kept, 'k')
  const elementOf = (view: View): string => elementIndex(view, names)
  const access = width === 4 ? vectorAccessBy(bindings, elementOf) : accessAt(bindings, names)
  const expressionOf = (total: string) =>
    emitExpression(nodes, { ...access, result: state.result(total, width) }, 'e')
  return {
    functions: expressionOf('total').functions,
    finish: (total) => {
      const expression = expressionOf(total)
      const stored =
        width === 4
          ? stores.map(
              ({ node, buffer, view }) =>
                `${bindings.storeVector(buffer, elementOf(vectorView(view)), expression.values[node])}\n`,
            )
          : [storesAt(stores, expression, bindings, names)]
      return `${statements}${expression.statements}${stored.join('')}`
    },
  }
}
