/**
 * output[o, c, i] = operand[o, clamp(indices[c]), i], one thread per element or per vector of four along i. Indices beyond
 * either end take the first or last row, so nothing outside the operand is read.
 */
import type { Block, GatherKernel } from '@hessian-free/tensor'
import { formatShape } from '@hessian-free/tensor'
import { perItem } from './computeShader.ts'
import { decomposeIndex, elementIndex } from './indexArithmetic.ts'
import type { KernelBindings } from './kernelBindings.ts'
import { bindBuffers } from './kernelBindings.ts'
import type { KernelGenerator } from './shaderDispatch.ts'

/** The row (a u32 expression) that index number `position` (a u32 expression) points to. */
export const clampedRow = (
  bindings: KernelBindings,
  indices: Block,
  position: string,
  extent: number,
): string => {
  const element = elementIndex({ offset: indices.offset, strides: [1] }, [position])
  return `u32(clamp(${bindings.load(indices.buffer, element)}, 0, ${extent - 1}))`
}

export const gatherKernel: KernelGenerator<GatherKernel> = (kernel, context) => {
  const { outer, extent, count, inner, operand, indices, output } = kernel
  const lanes = [inner, operand.offset, output.offset].every((n) => n % 4 === 0) ? 4 : 1
  const width = inner / lanes
  const bindings = bindBuffers(context, {
    reads: [operand.buffer, indices.buffer],
    writes: [output.buffer],
    vectors: lanes === 4 ? new Set([operand.buffer, output.buffer]) : new Set(),
  })
  const { statements, names } = decomposeIndex('item', [outer, count, width])
  const [o, c, i] = names
  const source = elementIndex({ offset: operand.offset / lanes, strides: [extent * width, width, 1] }, [
    o,
    'row',
    i,
  ])
  const target = elementIndex({ offset: output.offset / lanes, strides: [1] }, ['item'])
  const [value, store] =
    lanes === 4
      ? [bindings.loadVector(operand.buffer, source), bindings.storeVector(output.buffer, target, 'value')]
      : [bindings.load(operand.buffer, source), bindings.store(output.buffer, target, 'value')]
  return [
    perItem(
      {
        label: `gather ${formatShape([outer, count, inner])}`,
        bindings,
        items: outer * count * width,
        body: `${statements}let row = ${clampedRow(bindings, indices, c, extent)};
let value = ${value};
${store}
`,
      },
      context.device,
    ),
  ]
}
