/**
 * Reductions: out[i] = epilogue(reduce_j prologue[i, j]) in one dispatch, or, where too few kept elements would leave the
 * device idle, in two: states of fixed chunks into a workspace of [chunk, kept], then a reduction of those.
 * How threads share the work is in `reductionPlan.ts`.
 */
import type { BufferIndex, ReduceKernel, View } from '@hessian-free/tensor'
import { formatShape, sizeOf } from '@hessian-free/tensor'
import { addIndices, decomposeIndex, elementIndex } from './indexArithmetic.ts'
import { accessAt, accessBy, buffersLoaded, storesAt } from './indexedAccess.ts'
import type { KernelBindings, Lanes } from './kernelBindings.ts'
import { bindBuffers } from './kernelBindings.ts'
import type { ReducerState } from './reducerState.ts'
import { reducerState } from './reducerState.ts'
import type { ReductionPlan } from './reductionPlan.ts'
import { planLayout, planReduction } from './reductionPlan.ts'
import { cutLength, reductionStage } from './reductionStage.ts'
import { emitExpression } from './scalarExpression.ts'
import type { KernelContext, KernelGenerator, ShaderDispatch } from './shaderDispatch.ts'
import { loadsOf, quarteredDomain, vectorAccessBy, vectorBuffers } from './vectorAccess.ts'

export const reduceKernel: KernelGenerator<ReduceKernel> = (kernel, context) =>
  reductionDispatches(kernel, context, planReduction(kernel, context.device))

/** A reduction by a given plan; its lanes must be 1 unless the kernel `reducesVectors`. */
export function reductionDispatches(
  kernel: ReduceKernel,
  context: KernelContext,
  plan: ReductionPlan,
): ShaderDispatch[] {
  const { kept, reduced, nodes, operand, reducer } = kernel
  const { device } = context
  const length = sizeOf(reduced)
  const label = `${reducer} of ${formatShape(reduced)} at ${formatShape(kept)}`
  const state = reducerState(reducer, nodes[operand].dtype)
  const { chunks } = cutLength(length, plan.chunks, plan.lanes)
  const vectors = plan.lanes === 4 ? vectorBuffers(loadsOf(nodes)) : new Set<BufferIndex>()
  const common = { layout: plan, state, kept: sizeOf(kept), length, lanes: plan.lanes }
  if (chunks === 1 || tooManyBindings(kernel, context)) {
    const bindings = bindBuffers(context, {
      reads: [...buffersLoaded(nodes), ...buffersLoaded(kernel.epilogue)],
      writes: kernel.stores.map(({ buffer }) => buffer),
      vectors,
    })
    const reading = prologue(kernel, bindings, state, plan.lanes)
    const ending = epilogue(kernel, bindings, state)
    const functions = new Set([...reading.functions, ...ending.functions])
    return [
      reductionStage({ ...common, ...reading, ...ending, label, chunks: 1, bindings, functions }, device),
    ]
  }

  const { dtype, words } = state.partial
  const workspace = context.workspace(dtype, common.kept * chunks * words)
  const firstBindings = bindBuffers(context, { reads: buffersLoaded(nodes), writes: [workspace], vectors })
  const first = reductionStage(
    {
      ...common,
      ...prologue(kernel, firstBindings, state, plan.lanes),
      label: `${label}, ${chunks} parts`,
      chunks,
      bindings: firstBindings,
      finish: (total) => `${state.store(firstBindings, workspace, 'item', total)}\n`,
    },
    device,
  )
  const lastBindings = bindBuffers(context, {
    reads: [workspace, ...buffersLoaded(kernel.epilogue)],
    writes: kernel.stores.map(({ buffer }) => buffer),
  })
  const last = reductionStage(
    {
      ...common,
      ...epilogue(kernel, lastBindings, state),
      label: `${label}, from parts`,
      layout: planLayout(
        { kept: common.kept, length: chunks, contiguous: common.kept === 1 ? 'reduced' : 'kept' },
        device,
      ),
      lanes: 1,
      length: chunks,
      chunks: 1,
      bindings: lastBindings,
      prepare: '',
      join: (total, at) => {
        const index = common.kept === 1 ? at : `${at} * ${common.kept}u + kept`
        return `${total} = ${state.combine(total, state.load(lastBindings, workspace, index))};\n`
      },
    },
    device,
  )
  return [first, last]
}

/** Whether one of two dispatches would bind more than the device allows: the workspace replaces nothing. */
function tooManyBindings({ nodes, epilogue, stores }: ReduceKernel, context: KernelContext): boolean {
  const count = (buffers: readonly BufferIndex[]): number =>
    new Set(buffers.map((buffer) => context.storageOf(buffer))).size
  const written = stores.map(({ buffer }) => buffer)
  const most = Math.max(count(buffersLoaded(nodes)), count([...buffersLoaded(epilogue), ...written]))
  return most + 1 > context.device.maximumStorageBindings
}

/** How the elements of a kept element are read. The part of every index that depends on it is computed once. */
function prologue(
  { kept, reduced, nodes, operand }: ReduceKernel,
  bindings: KernelBindings,
  state: ReducerState,
  lanes: Lanes,
): {
  prepare: string
  functions: ReadonlySet<string>
  join(total: string, first: string, lanes: Lanes): string
} {
  const outer = decomposeIndex('kept', kept, 'i')
  const bases: string[] = []
  const baseOf = (view: View): string => {
    const base = elementIndex(
      { offset: view.offset, strides: view.strides.slice(0, kept.length) },
      outer.names,
    )
    if (!base.includes(' ')) return base
    if (!bases.includes(base)) bases.push(base)
    return `base${bases.indexOf(base)}`
  }
  const expressionAt = (first: string, width: Lanes) => {
    const inner = decomposeIndex(first, width === 4 ? quarteredDomain(reduced) : reduced, 'j')
    const elementOf = (view: View): string =>
      addIndices(
        baseOf(view),
        elementIndex({ offset: 0, strides: view.strides.slice(kept.length) }, inner.names),
      )
    const access = width === 4 ? vectorAccessBy(bindings, elementOf) : accessBy(bindings, elementOf)
    return { inner, expression: emitExpression(nodes, access, 'p') }
  }
  const join = (total: string, first: string, width: Lanes): string => {
    const { inner, expression } = expressionAt(first, width)
    const position = width === 4 ? `${first} * 4u` : first
    return `${inner.statements}${expression.statements}${state.join(total, expression.values[operand], position, width)}`
  }
  // Emitting in both widths collects the bases and functions of every later emission.
  const widths = lanes === 4 ? ([4, 1] as const) : ([1] as const)
  const functions = new Set(widths.flatMap((width) => [...expressionAt('at', width).expression.functions]))
  const lets = bases.map((base, i) => `let base${i} = ${base};\n`)
  return { prepare: `${outer.statements}${lets.join('')}`, functions, join }
}

/** What is stored once a kept element's state is known. */
function epilogue(
  { kept, epilogue: nodes, stores }: ReduceKernel,
  bindings: KernelBindings,
  state: ReducerState,
): { functions: ReadonlySet<string>; finish(total: string): string } {
  const outer = decomposeIndex('kept', kept, 'k')
  const expressionOf = (total: string) =>
    emitExpression(nodes, { ...accessAt(bindings, outer.names), result: state.result(total) }, 'e')
  return {
    functions: expressionOf('total').functions,
    finish: (total) => {
      const expression = expressionOf(total)
      return `${outer.statements}${expression.statements}${storesAt(stores, expression, bindings, outer.names)}`
    },
  }
}
