/**
 * Second stage of a product whose depth was split: sum over the parts, in their order, of a dense workspace
 * [part, batch, row, column], and what the product does with its sums. A thread per element, or per quad of columns.
 */
import type { BufferIndex, DotKernel } from '@hessian-free/tensor'
import { dispatchGrid } from '../wgsl/dispatchGrid.ts'
import { bindBuffers } from '../wgsl/kernelBindings.ts'
import type { KernelContext, ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import { emitSink, sinkBuffers, sinkLanes } from './productSink.ts'

const threads = { hardware: 64, software: 16 } as const

export function partialSumsDispatch(
  kernel: DotKernel,
  workspace: BufferIndex,
  parts: number,
  context: KernelContext,
): ShaderDispatch {
  const { batch, rows, columns } = kernel
  const lanes = sinkLanes(kernel, 4)
  const { reads, writes, vectors: sinkVectors } = sinkBuffers(kernel, lanes, context)
  const vectors = lanes === 4 ? new Set([...sinkVectors, workspace]) : sinkVectors
  const bindings = bindBuffers(context, { reads: [workspace, ...reads], writes, vectors })
  const sink = emitSink(kernel, lanes, bindings, vectors)
  const perRow = columns / lanes
  const items = batch * rows * perRow
  const groupSize = context.device.isSoftware ? threads.software : threads.hardware
  const { workgroups, workgroupIndex } = dispatchGrid(Math.ceil(items / groupSize), context.device)
  const part = (index: string): string =>
    lanes === 4 ? bindings.loadVector(workspace, index) : bindings.load(workspace, index)
  return {
    label: `dot [${batch}, ${rows}, ${columns}] sum of ${parts} parts`,
    source: `${bindings.declarations}${sink.source}
@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
let item = (${workgroupIndex}) * ${groupSize}u + thread;
if (item >= ${items}u) { return; }
var sum = ${part('item')};
for (var part = 1u; part < ${parts}u; part++) {
sum += ${part(`part * ${items}u + item`)};
}
${sink.call(`item / ${rows * perRow}u`, `item / ${perRow}u % ${rows}u`, `item % ${perRow}u * ${lanes}u`, 'sum')}
}
`,
    bindings: bindings.bindings,
    workgroups,
  }
}
