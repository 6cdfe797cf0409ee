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
import type { ReduceKernel, Shape, View } from '@hessian-free/tensor'
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
  /** Elements that a thread reads at once along the last reduced axis. */
  readonly lanes: Lanes
}

/** The size of a reduction as its layout is chosen from. */
export interface ReductionExtent {
  readonly kept: number
  /** Reads one after the other per kept element: elements, or vectors of four. */
  readonly length: number
  readonly contiguous: 'kept' | 'reduced'
}

/** Threads that keep a large GPU's memory busy. */
const busyThreads = 65_536
/** Reads per thread above which a second dispatch is worth its few microseconds. */
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
  { kept, length, contiguous }: ReductionExtent,
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
  if (kept >= busyThreads) return { items: threads, folds: 1, neighbours: 'items' }
  const items = Math.min(rowItems, powerOfTwoFrom(kept), threads)
  const folds = Math.min(threads / items, useful)
  return { items: Math.min(threads / folds, powerOfTwoFrom(kept)), folds, neighbours: 'items' }
}

function planChunks(
  { kept, length }: ReductionExtent,
  { folds }: ThreadLayout,
  { isSoftware }: DeviceCapabilities,
): number {
  if (isSoftware) {
    return Math.max(1, Math.min(Math.floor(softwareItems / kept), Math.floor(length / shortestSoftwareChunk)))
  }
  const serial = length / folds
  const missing = Math.ceil(busyThreads / (kept * folds))
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

/** True if four elements along the last reduced axis can be read at once, no load being put together. */
export function reducesVectors({ kept, reduced, nodes }: ReduceKernel): boolean {
  if (reduced.length === 0) return false
  const extent = reduced[reduced.length - 1]
  if (extent < 4 || (reduced.length > 1 && extent % 4 !== 0)) return false
  const rank = kept.length + reduced.length
  const accesses = loadsOf(nodes).map(({ view }) =>
    view.strides.length === rank ? vectorAccess(view) : 'scattered',
  )
  return accesses.includes('vector') && !accesses.includes('scattered')
}

/** The plan of a reduction on a device. */
export function planReduction(kernel: ReduceKernel, device: DeviceCapabilities): ReductionPlan {
  const lanes = reducesVectors(kernel) ? 4 : 1
  const extent: ReductionExtent = {
    kept: sizeOf(kernel.kept),
    length: Math.ceil(sizeOf(kernel.reduced) / lanes),
    contiguous: contiguousAxis(kernel),
  }
  const layout = planLayout(extent, device)
  return { ...layout, lanes, chunks: planChunks(extent, layout, device) }
}
