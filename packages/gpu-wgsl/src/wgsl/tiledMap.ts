/**
 * Maps that transpose: loads whose contiguous axis is not the one along which results are stored. Threads of a row read
 * along the loads' axis into a tile in workgroup memory and compute along the stores' axis, so that both touch memory in
 * whole lines. Tiles are 32 × 32 with rows of 33 elements, which puts the elements of a column into different banks
 * (Ruetsch and Micikevicius, "Optimizing matrix transpose in CUDA", 2009); 256 threads, four elements each.
 *
 * Pays on hardware only: a processor's cache holds the lines of a transposition, and its barriers are slow.
 */
import type { MapKernel, ScalarNode } from '@hessian-free/tensor'
import { formatShape, sameView, sizeOf } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { computeShader } from './computeShader.ts'
import { decomposeIndex, elementIndex } from './indexArithmetic.ts'
import { accessAt, buffersLoaded, storesAt } from './indexedAccess.ts'
import { bindBuffers, valueType } from './kernelBindings.ts'
import { emitExpression } from './scalarExpression.ts'
import type { KernelContext, ShaderDispatch } from './shaderDispatch.ts'
import { loadsOf } from './vectorAccess.ts'

type Load = Extract<ScalarNode, { readonly kind: 'load' }>

export interface TilePlan {
  /** The axis along which the tiled loads are contiguous; results are computed along the last one. */
  readonly axis: number
  /** Loads that go through a tile, each buffer and view once. */
  readonly loads: readonly Load[]
}

const side = 32
const pitch = side + 1
const threadRows = 8
const tileBytes = side * pitch * 4
/** Heuristic: below this many elements a map is a few microseconds whatever it does. */
const smallestSize = 2 ** 14
/** Heuristic: shorter axes leave most of a tile empty. */
const shortestExtent = 12
/** Heuristic: closer elements share cache lines. */
const transposedStride = 8

/** The tiles of a map, or undefined where it does not transpose enough to need them. */
export function planTiles({ domain, nodes }: MapKernel, device: DeviceCapabilities): TilePlan | undefined {
  const last = domain.length - 1
  const { isSoftware, maximumWorkgroupInvocations, maximumWorkgroupBytes } = device
  if (isSoftware || maximumWorkgroupInvocations < side * threadRows) return undefined
  if (last < 1 || sizeOf(domain) < smallestSize || domain[last] < shortestExtent) return undefined
  const contiguousAxis = ({ view: { strides } }: Load): number =>
    Math.abs(strides[last]) < transposedStride
      ? -1
      : strides.findIndex((stride, axis) => axis < last && stride === 1 && domain[axis] >= shortestExtent)
  const transposed = loadsOf(nodes).filter((load) => contiguousAxis(load) >= 0)
  if (transposed.length === 0) return undefined
  const count = (axis: number): number => transposed.filter((load) => contiguousAxis(load) === axis).length
  const axis = transposed
    .map(contiguousAxis)
    .reduce((best, candidate) => (count(candidate) > count(best) ? candidate : best))
  const distinct = transposed.filter(
    (load, i) =>
      contiguousAxis(load) === axis && transposed.findIndex((other) => sameLoad(load, other)) === i,
  )
  return { axis, loads: distinct.slice(0, Math.floor(maximumWorkgroupBytes / tileBytes)) }
}

const sameLoad = (a: Load, b: Load): boolean => a.buffer === b.buffer && sameView(a.view, b.view)

/** A map through the tiles of a plan. */
export function tiledMap(
  { domain, nodes, stores }: MapKernel,
  { axis, loads }: TilePlan,
  context: KernelContext,
): ShaderDispatch {
  const last = domain.length - 1
  const grid = domain.map((extent, a) => (a === axis || a === last ? Math.ceil(extent / side) : extent))
  const { statements, names } = decomposeIndex('workgroup', grid, 't')
  // Neighbouring threads are neighbours along the loads' axis first, along the stores' axis afterwards.
  const namesWith = (along: string, across: string): string[] =>
    names.map((name, a) => (a === axis ? across : a === last ? along : name))
  const reading = namesWith('slow', 'quick')
  const computing = namesWith('quick', 'slow')
  const bindings = bindBuffers(context, {
    reads: buffersLoaded(nodes),
    writes: stores.map(({ buffer }) => buffer),
  })
  const plain = accessAt(bindings, computing)
  const expression = emitExpression(nodes, {
    ...plain,
    load: (node) => {
      const tile = loads.findIndex((load) => sameLoad(load, node))
      return tile === -1 ? plain.load(node) : `tile${tile}[x * ${pitch}u + y]`
    },
  })
  const fills = loads.map(
    ({ buffer, view }, i) =>
      `tile${i}[y * ${pitch}u + x] = ${bindings.load(buffer, elementIndex(view, reading))};\n`,
  )
  const pass = (quickAxis: number, slowAxis: number, work: string): string =>
    `for (var y = local / ${side}u; y < ${side}u; y += ${threadRows}u) {
let quick = ${tileStart(names[quickAxis])}x;
let slow = ${tileStart(names[slowAxis])}y;
if (quick < ${domain[quickAxis]}u && slow < ${domain[slowAxis]}u) {
${work}}
}
`
  return computeShader(
    {
      label: `map ${formatShape(domain)} in tiles`,
      bindings,
      functions: expression.functions,
      module: loads
        .map(({ dtype }, i) => `var<workgroup> tile${i}: array<${valueType(dtype, 1)}, ${side * pitch}>;\n`)
        .join(''),
      threads: side * threadRows,
      workgroups: sizeOf(grid),
      body: `${statements}let x = local % ${side}u;
${pass(axis, last, fills.join(''))}workgroupBarrier();
${pass(last, axis, expression.statements + storesAt(stores, expression, bindings, computing))}`,
    },
    context.device,
  )
}

const tileStart = (tile: string): string => (tile === '0u' ? '' : `${tile} * ${side}u + `)
