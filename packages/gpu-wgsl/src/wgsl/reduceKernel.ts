/**
 * Reductions: out[i] = epilogue(reduce_j prologue[i, j]) in one dispatch, or, where too few kept elements would leave the
 * device idle, in two: states of fixed chunks into a workspace of [chunk, kept], then a reduction of those.
 * How threads share the work is in `reductionPlan.ts`.
 */
import type { BufferIndex, ReduceKernel } from '@hessian-free/tensor'
import { formatShape, sizeOf } from '@hessian-free/tensor'
import { buffersLoaded } from './indexedAccess.ts'
import { bindBuffers } from './kernelBindings.ts'
import { reducerState } from './reducerState.ts'
import { epilogue, orientedNodes, prologue } from './reductionParts.ts'
import type { ReductionPlan } from './reductionPlan.ts'
import { planLayout, planReduction } from './reductionPlan.ts'
import { cutLength, reductionStage } from './reductionStage.ts'
import type { KernelContext, KernelGenerator, ShaderDispatch } from './shaderDispatch.ts'
import { loadsOf, vectorBuffers } from './vectorAccess.ts'

export const reduceKernel: KernelGenerator<ReduceKernel> = (kernel, context) =>
  reductionDispatches(kernel, context, planReduction(kernel, context.device))

/** A reduction by a given plan; its vectors must be those of a kernel that `reducesVectors` or `keepsVectors`. */
export function reductionDispatches(
  kernel: ReduceKernel,
  context: KernelContext,
  plan: ReductionPlan,
): ShaderDispatch[] {
  const { nodes, operand, reducer, stores, epilogue: ending } = kernel
  const { vectorAxis } = plan
  const { device } = context
  const length = sizeOf(kernel.reduced)
  const label = `${reducer} of ${formatShape(kernel.reduced)} at ${formatShape(kernel.kept)}`
  const state = reducerState(reducer, nodes[operand].dtype)
  const width = vectorAxis === 'kept' ? 4 : 1
  const lanes = vectorAxis === 'reduced' ? 4 : 1
  const { chunks } = cutLength(length, plan.chunks, lanes)
  const kept = sizeOf(kernel.kept) / width
  const common = { layout: plan, state, kept, width, lanes, length } as const

  const written = stores.map(({ buffer }) => buffer)
  const vectorsRead =
    vectorAxis === 'none' ? [] : [...vectorBuffers(loadsOf(orientedNodes(kernel, vectorAxis)))]
  const vectorsEnding = width === 4 ? [...vectorBuffers([...loadsOf(ending), ...stores])] : []
  if (chunks === 1 || tooManyBindings(kernel, context)) {
    const bindings = bindBuffers(context, {
      reads: [...buffersLoaded(nodes), ...buffersLoaded(ending)],
      writes: written,
      vectors: new Set([...vectorsRead, ...vectorsEnding]),
    })
    const before = prologue(kernel, bindings, state, vectorAxis)
    const after = epilogue(kernel, bindings, state, width)
    const functions = new Set([...before.functions, ...after.functions])
    return [reductionStage({ ...common, ...before, ...after, label, chunks: 1, bindings, functions }, device)]
  }

  const { dtype, words } = state.partial
  const workspace = context.workspace(dtype, kept * width * chunks * words)
  const workspaceVectors = width === 4 ? [workspace] : []
  const firstBindings = bindBuffers(context, {
    reads: buffersLoaded(nodes),
    writes: [workspace],
    vectors: new Set([...vectorsRead, ...workspaceVectors]),
  })
  const first = reductionStage(
    {
      ...common,
      ...prologue(kernel, firstBindings, state, vectorAxis),
      label: `${label}, ${chunks} parts`,
      chunks,
      bindings: firstBindings,
      finish: (total) => `${state.store(firstBindings, workspace, 'item', total, width)}\n`,
    },
    device,
  )
  const lastBindings = bindBuffers(context, {
    reads: [workspace, ...buffersLoaded(ending)],
    writes: written,
    vectors: new Set([...workspaceVectors, ...vectorsEnding]),
  })
  const contiguous = kept === 1 ? 'reduced' : 'kept'
  const last = reductionStage(
    {
      ...common,
      ...epilogue(kernel, lastBindings, state, width),
      label: `${label}, from parts`,
      layout: planLayout({ kept, length: chunks, contiguous, lanes: width }, device),
      lanes: 1,
      length: chunks,
      chunks: 1,
      bindings: lastBindings,
      prepare: '',
      join: (total, at) => {
        const index = kept === 1 ? at : `${at} * ${kept}u + kept`
        return `${total} = ${state.combine(total, state.load(lastBindings, workspace, index, width))};\n`
      },
    },
    device,
  )
  return [first, last]
}

/** Whether one of two dispatches would bind more than the device allows: the workspace replaces nothing. */
function tooManyBindings({ nodes, epilogue: ending, stores }: ReduceKernel, context: KernelContext): boolean {
  const count = (buffers: readonly BufferIndex[]): number =>
    new Set(buffers.map((buffer) => context.storageOf(buffer))).size
  const written = stores.map(({ buffer }) => buffer)
  const most = Math.max(count(buffersLoaded(nodes)), count([...buffersLoaded(ending), ...written]))
  return most + 1 > context.device.maximumStorageBindings
}
