/**
 * Element-wise kernels: out[i] = f(…[i]) for several outputs at once, one thread per element or per vector of four.
 * A map that transposes goes through workgroup memory (`tiledMap.ts`).
 *
 * In place: a store may share a load's storage if their views are equal, so a thread reads the elements that it will
 * overwrite, and only those, before it stores anything.
 */
import type { MapKernel, View } from '@hessian-free/tensor'
import { formatShape, isDense, sizeOf } from '@hessian-free/tensor'
import { perItem } from './computeShader.ts'
import { decomposeIndex, elementIndex } from './indexArithmetic.ts'
import { accessBy, buffersLoaded } from './indexedAccess.ts'
import { bindBuffers } from './kernelBindings.ts'
import { emitExpression } from './scalarExpression.ts'
import type { KernelContext, KernelGenerator, ShaderDispatch } from './shaderDispatch.ts'
import { planTiles, tiledMap } from './tiledMap.ts'
import {
  loadsOf,
  quarteredDomain,
  vectorAccess,
  vectorAccessBy,
  vectorBuffers,
  vectorView,
} from './vectorAccess.ts'

export const mapKernel: KernelGenerator<MapKernel> = (kernel, context) => {
  const tiles = planTiles(kernel, context.device)
  if (tiles !== undefined) return [tiledMap(kernel, tiles, context)]
  return [elementwiseMap(kernel, context, mapsVectors(kernel, context) ? 4 : 1)]
}

/** Heuristic: loads this far apart still share cache lines, so that putting a vector together from them is cheap. */
const nearbyStride = 4

/**
 * Whether four elements along the last axis can be computed at once. Stores must be aligned vectors. A domain of one
 * axis may end in a part of a vector if its stores end where their buffers end: what is written beyond belongs to
 * nobody, because bindings are multiples of 16 bytes.
 */
export function mapsVectors({ domain, nodes, stores }: MapKernel, context: KernelContext): boolean {
  if (domain.length === 0) return false
  const extent = domain[domain.length - 1]
  const loads = loadsOf(nodes)
  if (stores.some(({ view }) => vectorAccess(view) !== 'vector')) return false
  const scattered = loads.filter(({ view }) => vectorAccess(view) === 'scattered')
  if (extent % 4 === 0) {
    return scattered.every(({ view }) => Math.abs(view.strides[domain.length - 1]) <= nearbyStride)
  }
  const ends = stores.every(
    ({ buffer, view }) => view.offset + extent === context.specification(buffer).elements,
  )
  return extent > 4 && domain.length === 1 && scattered.length === 0 && ends
}

/** One thread per `lanes` elements; with 4, only for kernels that `mapsVectors` accepts. */
export function elementwiseMap(
  { domain, nodes, stores }: MapKernel,
  context: KernelContext,
  lanes: 1 | 4,
): ShaderDispatch {
  const walked = lanes === 4 ? quarteredDomain(domain) : domain
  const { statements, names } = decomposeIndex('item', walked)
  // Dense views need no decomposition: the number of the thread is the number of the element.
  const elementOf = (view: View): string =>
    isDense(view, walked)
      ? elementIndex({ offset: view.offset, strides: [1] }, ['item'])
      : elementIndex(view, names)
  const bindings = bindBuffers(context, {
    reads: buffersLoaded(nodes),
    writes: stores.map(({ buffer }) => buffer),
    vectors: lanes === 4 ? vectorBuffers([...loadsOf(nodes), ...stores]) : new Set(),
  })
  const access = lanes === 4 ? vectorAccessBy(bindings, elementOf) : accessBy(bindings, elementOf)
  const expression = emitExpression(nodes, access)
  const stored = stores.map(({ node, buffer, view }) =>
    lanes === 4
      ? bindings.storeVector(buffer, elementOf(vectorView(view)), expression.values[node])
      : bindings.store(buffer, elementOf(view), expression.values[node]),
  )
  return perItem(
    {
      label: `map ${formatShape(domain)}`,
      bindings,
      functions: expression.functions,
      items: sizeOf(walked),
      body: `${statements}${expression.statements}${stored.join('\n')}\n`,
    },
    context.device,
  )
}
