/**
 * How a reduction is spread over threads. One family: a workgroup is items × folds threads; every item is a kept element
 * (or one chunk of its reduction), whose elements the folds share out among themselves and then fold in workgroup memory
 * as a binary tree. Its members are the classic strategies:
 *   folds = 1               a thread alone does a whole item: many small reductions, or a processor in disguise
 *   neighbours 'folds'      threads side by side read elements side by side: the reduced axis is contiguous
 *   neighbours 'items'      threads side by side belong to items side by side: the kept axis is contiguous
 *   chunks > 1              two dispatches: partial results of fixed chunks of each reduction, then their reduction
 * Everything depends on the kernel and the device only, so a result repeats bit for bit. All choices are heuristics.
 */
import type { ReduceKernel, ScalarNode, Shape, View } from '@hessian-free/tensor'
import { sizeOf } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type { Lanes } from './kernelBindings.ts'
import { loadsOf, vectorAccess } from './vectorAccess.ts'

export interface ThreadLayout {
  /** Items of a workgroup, and threads that share one: powers of two. */
  readonly items: number
  readonly folds: number
  /** What the next thread belongs to: the next item, or the same one. */
  readonly neighbours: 'items' | 'folds'
}

export interface ReductionPlan extends ThreadLayout {
  /** Parts into which each reduction is cut at most; 1 for a single dispatch. */
  readonly chunks: number
  /** The axis along which a thread reads vectors of four: the last reduced one, or the last kept one. */
  readonly vectorAxis: VectorAxis
}

export type VectorAxis = 'none' | 'reduced' | 'kept'

/** The size of a reduction as its layout is chosen from. */
export interface ReductionExtent {
  /** Items: kept elements, or vectors of four. */
  readonly kept: number
  /** Reads one after the other per item: elements, or vectors of four. */
  readonly length: number
  readonly contiguous: 'kept' | 'reduced'
  /** Elements per read. */
  readonly lanes: Lanes
}

/** Elements being read at a time that keep a large GPU's memory busy: latency times bandwidth is about a megabyte. */
const busyReads = 2 ** 18
/** Reads per thread above which more threads are worth a barrier, or a second dispatch its few microseconds. */
const longestSerial = 16
/** Reads per thread that a cut leaves at least. */
const shortestSerial = 4
/** So many partial results fit one workgroup of the second dispatch. */
const mostChunks = 256

const hardwareThreads = 256
/** Kept elements side by side that fill a memory transaction. */
const rowItems = 32

/** A processor cuts a reduction only to use its cores, and not below this length. */
const softwareItems = 256
const shortestSoftwareChunk = 1024

const powerOfTwoFrom = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)))
const powerOfTwoTo = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(1, n)))

/** The layout of one dispatch. */
export function planLayout(
  { kept, length, contiguous, lanes }: ReductionExtent,
  device: DeviceCapabilities,
): ThreadLayout {
  const most = powerOfTwoTo(device.maximumWorkgroupInvocations)
  if (device.isSoftware) {
    const items = Math.min(most, kept >= 4096 ? 64 : kept >= 256 ? 16 : 4)
    return { items, folds: 1, neighbours: 'items' }
  }
  const threads = Math.min(hardwareThreads, most)
  const useful = powerOfTwoFrom(length / shortestSerial)
  if (contiguous === 'reduced') {
    const folds = Math.min(threads, useful)
    const items = Math.min(threads / folds, powerOfTwoFrom(kept))
    return { items, folds, neighbours: 'folds' }
  }
  if (kept * lanes >= busyReads || length <= longestSerial) {
    return { items: Math.min(threads, powerOfTwoFrom(kept)), folds: 1, neighbours: 'items' }
  }
  const items = Math.min(rowItems, powerOfTwoFrom(kept), threads)
  const folds = Math.min(threads / items, useful)
  return { items: Math.min(threads / folds, powerOfTwoFrom(kept)), folds, neighbours: 'items' }
}

function planChunks(
  { kept, length, lanes }: ReductionExtent,
  { folds }: ThreadLayout,
  { isSoftware }: DeviceCapabilities,
): number {
  if (isSoftware) {
    return Math.max(1, Math.min(Math.floor(softwareItems / kept), Math.floor(length / shortestSoftwareChunk)))
  }
  const serial = length / folds
  const missing = Math.ceil(busyReads / (kept * folds * lanes))
  if (serial <= longestSerial || missing < 2) return 1
  return Math.min(missing, Math.floor(serial / shortestSerial), mostChunks)
}

/** Which axis the bulk of the operands is contiguous along: the last reduced one, or the last kept one. */
function contiguousAxis({ kept, reduced, nodes }: ReduceKernel): 'kept' | 'reduced' {
  const domain: Shape = [...kept, ...reduced]
  const elements = ({ strides }: View): number =>
    strides.reduce((product, stride, axis) => (stride === 0 ? product : product * domain[axis]), 1)
  const weight = (axis: number): number =>
    loadsOf(nodes)
      .filter(({ view }) => axis >= 0 && Math.abs(view.strides[axis]) === 1)
      .reduce((sum, { view }) => sum + elements(view), 0)
  const alongKept = kept.length === 0 ? 0 : weight(kept.length - 1)
  const alongReduced = reduced.length === 0 ? 0 : weight(domain.length - 1)
  return alongKept > alongReduced ? 'kept' : 'reduced'
}

type Load = Extract<ScalarNode, { readonly kind: 'load' }>

/** True if vectors can be read along the last axis of all views, none being put together from elements. */
function readsVectors(views: readonly View[]): boolean {
  const accesses = views.map(vectorAccess)
  return accesses.includes('vector') && !accesses.includes('scattered')
}

/** True if four elements along the last reduced axis can be read at once. */
export function reducesVectors({ reduced, nodes }: ReduceKernel): boolean {
  if (reduced.length === 0) return false
  const extent = reduced[reduced.length - 1]
  if (extent < 4 || (reduced.length > 1 && extent % 4 !== 0)) return false
  return readsVectors(loadsOf(nodes).map(({ view }) => view))
}

/** A view over [...kept, ...reduced] as one over [...reduced, ...kept], whose last axis is the last kept one. */
export const withKeptLast = ({ offset, strides }: View, keptRank: number): View => ({
  offset,
  strides: [...strides.slice(keptRank), ...strides.slice(0, keptRank)],
})

/** True if four kept elements can be reduced and stored at once. */
export function keepsVectors({ reducer, kept, nodes, epilogue, stores }: ReduceKernel): boolean {
  if (reducer === 'argMax' || kept.length === 0 || kept[kept.length - 1] % 4 !== 0) return false
  const isNoVector = ({ view }: Pick<Load, 'view'>): boolean => vectorAccess(view) !== 'vector'
  if (stores.some(isNoVector)) return false
  if (loadsOf(epilogue).some(({ view }) => vectorAccess(view) === 'scattered')) return false
  return readsVectors(loadsOf(nodes).map(({ view }) => withKeptLast(view, kept.length)))
}

/** The plan of a reduction on a device. */
export function planReduction(kernel: ReduceKernel, device: DeviceCapabilities): ReductionPlan {
  const contiguous = contiguousAxis(kernel)
  const vectorAxis =
    contiguous === 'kept' && keepsVectors(kernel) ? 'kept' : reducesVectors(kernel) ? 'reduced' : 'none'
  const extent: ReductionExtent = {
    kept: sizeOf(kernel.kept) / (vectorAxis === 'kept' ? 4 : 1),
    length: Math.ceil(sizeOf(kernel.reduced) / (vectorAxis === 'reduced' ? 4 : 1)),
    contiguous,
    lanes: vectorAxis === 'none' ? 1 : 4,
  }
  const layout = planLayout(extent, device)
  return { ...layout, vectorAxis, chunks: planChunks(extent, layout, device) }
}
