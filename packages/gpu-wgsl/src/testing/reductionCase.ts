/**
 * Reductions for tests: kernels without prologue or epilogue, a list of plans that covers every way of sharing the work,
 * and what must come out, by plain loops.
 */
import type { Dtype, ReduceKernel, Reducer, ScalarNode, Shape, TypedArray, View } from '@hessian-free/tensor'
import { denseView, typedArray } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type { RequestedDevice } from '../device/requestDevice.ts'
import { reduceKernel, reductionDispatches } from '../wgsl/reduceKernel.ts'
import type { ReductionPlan } from '../wgsl/reductionPlan.ts'
import { singleKernelProgram } from './kernelCase.ts'
import { runKernelProgram } from './runKernelProgram.ts'

export interface ReductionRun {
  /** Default: what heuristics choose. */
  readonly plan?: ReductionPlan
  readonly capabilities?: Partial<DeviceCapabilities>
}

/** Runs one reduction on a device. @returns the contents of the buffers that it stores to. */
export const runReduction = (
  { device, capabilities: own }: RequestedDevice,
  kernel: ReduceKernel,
  buffers: readonly { readonly dtype: Dtype; readonly elements: number }[],
  inputs: readonly TypedArray[],
  { plan, capabilities }: ReductionRun = {},
): Promise<TypedArray[]> =>
  runKernelProgram(singleKernelProgram(kernel, buffers), inputs, {
    device,
    capabilities: { ...own, ...capabilities },
    generate: (given, context) =>
      plan === undefined
        ? reduceKernel(given as ReduceKernel, context)
        : reductionDispatches(given as ReduceKernel, context, plan),
  })

export const loadNode = (buffer: number, view: View, dtype: Dtype): ScalarNode => ({
  kind: 'load',
  buffer,
  view,
  dtype,
})
export const resultNode = (dtype: Dtype): ScalarNode => ({ kind: 'result', dtype })

/** out = reducer of the operand, without prologue or epilogue. */
export const plainReduction = (
  reducer: Reducer,
  dtype: Dtype,
  kept: Shape,
  reduced: Shape,
  operand: View = denseView([...kept, ...reduced]),
): ReduceKernel => ({
  kind: 'reduce',
  reducer,
  kept,
  reduced,
  nodes: [loadNode(0, operand, dtype)],
  operand: 0,
  epilogue: [resultNode(reducer === 'argMax' ? 'int32' : dtype)],
  stores: [{ node: 0, buffer: 1, view: denseView(kept) }],
})

/** One thread per item, groups of threads along either axis, with and without chunks that nothing divides. */
export const plans: readonly ReductionPlan[] = [
  { items: 4, folds: 1, neighbours: 'items', chunks: 1, vectorAxis: 'none' },
  { items: 1, folds: 8, neighbours: 'folds', chunks: 1, vectorAxis: 'none' },
  { items: 4, folds: 2, neighbours: 'folds', chunks: 1, vectorAxis: 'none' },
  { items: 8, folds: 4, neighbours: 'items', chunks: 1, vectorAxis: 'none' },
  { items: 2, folds: 4, neighbours: 'items', chunks: 3, vectorAxis: 'none' },
  { items: 4, folds: 1, neighbours: 'items', chunks: 5, vectorAxis: 'none' },
  { items: 1, folds: 4, neighbours: 'folds', chunks: 2, vectorAxis: 'none' },
]

/** For titles of tests. */
export const nameOf = ({ items, folds, neighbours, chunks }: ReductionPlan): string =>
  `${items} items × ${folds} folds, neighbours ${neighbours}, ${chunks} chunks`

/** The plan with vectors along the reduced axis. */
export const inVectors = (plan: ReductionPlan): ReductionPlan => ({ ...plan, vectorAxis: 'reduced' })

/** The reduction of values by plain loops; sums in float64. */
export function reduceByLoops(reducer: Reducer, dtype: Dtype, values: readonly number[]): number {
  if (reducer === 'sum') {
    const sum = values.reduce((total, value) => total + value, 0)
    return dtype === 'int32' ? sum | 0 : dtype === 'uint32' ? sum >>> 0 : Math.fround(sum)
  }
  if (reducer === 'max') return Math.max(...values)
  const firstNaN = values.findIndex(Number.isNaN)
  const largest = Math.max(...values)
  return firstNaN >= 0 ? firstNaN : values.findIndex((value) => value === largest)
}

/** Reductions of `kept` rows of values. */
export function expectedOf(reducer: Reducer, dtype: Dtype, kept: number, values: TypedArray): TypedArray {
  const expected = typedArray(reducer === 'argMax' ? 'int32' : dtype, kept)
  const length = values.length / kept
  for (let i = 0; i < kept; i++) {
    expected[i] = reduceByLoops(reducer, dtype, [...values.subarray(i * length, (i + 1) * length)])
  }
  return expected
}
