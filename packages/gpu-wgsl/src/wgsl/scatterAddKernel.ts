/**
 * output = operand; then output[o, clamp(indices[c]), i] += updates[o, c, i], always in the order of c, so that sums of
 * floats repeat bit for bit and equal the reference's. WGSL has no float atomics, and their order would be random.
 *
 * Two ways with the same result:
 *   search    one thread per output element looks through all indices and adds what is meant for it:
 *             outer · extent · inner · count comparisons, spread over as many threads as there are elements
 *   sequence  a copy, then one thread per (o, i) walks through the indices and adds to the rows they name:
 *             outer · inner · count additions, but only outer · inner threads, each waiting for memory at every step
 */
import type { ScatterAddKernel } from '@hessian-free/tensor'
import { denseView, formatShape } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { perItem } from './computeShader.ts'
import { clampedRow } from './gatherKernel.ts'
import { decomposeIndex, elementIndex } from './indexArithmetic.ts'
import { bindBuffers } from './kernelBindings.ts'
import { mapKernel } from './mapKernel.ts'
import type { KernelContext, KernelGenerator, ShaderDispatch } from './shaderDispatch.ts'

export type ScatterStrategy = 'search' | 'sequence'

export const scatterAddKernel: KernelGenerator<ScatterAddKernel> = (kernel, context) =>
  scatterAddDispatches(kernel, context, planScatter(kernel, context.device))

/**
 * Heuristic: on a GPU a step of the sequence costs a trip to memory, about 1 µs, in which the search makes some 2^21
 * comparisons; a processor makes few at once, and the search pays only for a handful of rows.
 */
export function planScatter(
  { outer, extent, inner }: ScatterAddKernel,
  { isSoftware }: DeviceCapabilities,
): ScatterStrategy {
  return (isSoftware ? extent <= 4 : outer * extent * inner <= 2 ** 21) ? 'search' : 'sequence'
}

/** A scatter by a given strategy. */
export function scatterAddDispatches(
  kernel: ScatterAddKernel,
  context: KernelContext,
  strategy: ScatterStrategy,
): ShaderDispatch[] {
  return strategy === 'search'
    ? [searchedScatter(kernel, context)]
    : [...copyOfOperand(kernel, context), sequentialScatter(kernel, context)]
}

const labelOf = ({ outer, extent, count, inner }: ScatterAddKernel): string =>
  `scatterAdd ${count} rows to ${formatShape([outer, extent, inner])}`

function searchedScatter(kernel: ScatterAddKernel, context: KernelContext): ShaderDispatch {
  const { outer, extent, count, inner, operand, indices, updates, output } = kernel
  const bindings = bindBuffers(context, {
    reads: [operand.buffer, indices.buffer, updates.buffer],
    writes: [output.buffer],
  })
  const { statements, names } = decomposeIndex('item', [outer, extent, inner])
  const [o, row, i] = names
  const update = elementIndex({ offset: updates.offset, strides: [count * inner, inner, 1] }, [o, 'c', i])
  const itemOf = (offset: number): string => elementIndex({ offset, strides: [1] }, ['item'])
  return perItem(
    {
      label: `${labelOf(kernel)} by search`,
      bindings,
      items: outer * extent * inner,
      body: `${statements}var sum = ${bindings.load(operand.buffer, itemOf(operand.offset))};
for (var c = 0u; c < ${count}u; c++) {
if (${clampedRow(bindings, indices, 'c', extent)} == ${row}) { sum += ${bindings.load(updates.buffer, update)}; }
}
${bindings.store(output.buffer, itemOf(output.offset), 'sum')}
`,
    },
    context.device,
  )
}

function copyOfOperand(kernel: ScatterAddKernel, context: KernelContext): readonly ShaderDispatch[] {
  const { dtype, outer, extent, inner, operand, output } = kernel
  const domain = [outer * extent * inner]
  const load = {
    kind: 'load',
    buffer: operand.buffer,
    view: denseView(domain, operand.offset),
    dtype,
  } as const
  const store = { node: 0, buffer: output.buffer, view: denseView(domain, output.offset) }
  return mapKernel({ kind: 'map', domain: [...domain], nodes: [load], stores: [store] }, context)
}

function sequentialScatter(kernel: ScatterAddKernel, context: KernelContext): ShaderDispatch {
  const { outer, extent, count, inner, indices, updates, output } = kernel
  const bindings = bindBuffers(context, {
    reads: [indices.buffer, updates.buffer],
    writes: [output.buffer],
  })
  const { statements, names } = decomposeIndex('item', [outer, inner])
  const [o, i] = names
  const update = elementIndex({ offset: updates.offset, strides: [count * inner, inner, 1] }, [o, 'c', i])
  const place = elementIndex({ offset: output.offset, strides: [extent * inner, inner, 1] }, [o, 'row', i])
  return perItem(
    {
      label: `${labelOf(kernel)} in sequence`,
      bindings,
      items: outer * inner,
      body: `${statements}for (var c = 0u; c < ${count}u; c++) {
let row = ${clampedRow(bindings, indices, 'c', extent)};
let place = ${place};
let sum = ${bindings.load(output.buffer, 'place')} + ${bindings.load(updates.buffer, update)};
${bindings.store(output.buffer, 'place', 'sum')}
}
`,
    },
    context.device,
  )
}
