/**
 * Map kernels, and the epilogues of products, as WebAssembly functions specialised to their shapes. The lane
 * axis is the one along which the first store is contiguous; where an input is contiguous along another axis
 * instead, the loops go over tiles, and what is left beside the tiles goes row by row.
 */
import type { BufferIndex, DotKernel, MapKernel, ScalarNode, Store } from '../../kernel/kernel.ts'
import type { FunctionBuilder, FunctionIndex, Local } from '../assembler/functionBuilder.ts'
import type { ModuleBuilder } from '../assembler/moduleBuilder.ts'
import { instructionCount } from '../elements/vectorEmission.ts'
import type { ThreadShare } from '../kernelArguments.ts'
import { dotEpilogueBuffers, kernelStage, pointersOf } from '../kernelArguments.ts'
import type { Stage, StageContext } from '../stage.ts'
import type { LoopBody } from './loopBody.ts'
import { emitStores, emitValues } from './loopBody.ts'
import type { ViewOf } from './loopCursors.ts'
import { createCursors } from './loopCursors.ts'
import type { LoopExpression } from './loopExpression.ts'
import { loopExpression } from './loopExpression.ts'
import type { Region } from './loopKernelRows.ts'
import { emitRow, emitSlicesOfRows, rowGranule } from './loopKernelRows.ts'
import { crossAxis, emitSlicesOfTiles, tileRegions } from './loopKernelTiles.ts'
import { repeatBy } from './loopNest.ts'
import { sliceSpace, unitOf } from './slices.ts'

const mapExpression = (nodes: readonly ScalarNode[], stores: readonly Store[]): LoopExpression =>
  loopExpression(
    nodes,
    stores.map(({ node }) => node),
  )

function mapBody(
  f: FunctionBuilder,
  { roots, inputs }: LoopExpression,
  stores: readonly Store[],
  pointerOf: (buffer: BufferIndex) => Local,
): LoopBody {
  const views = [...inputs.map((input) => input as ViewOf), ...stores]
  const cursors = createCursors(f, views, pointerOf)
  return {
    cursors,
    roots,
    inputs: cursors.accesses.slice(0, inputs.length),
    stores: cursors.accesses.slice(inputs.length),
  }
}

/** The axis of the lanes: contiguous for as many stores as possible, then the innermost. */
function laneAxis(stores: readonly Store[], extents: readonly number[]): number {
  const contiguous = (axis: number): number =>
    stores.filter(({ view: { strides } }) => strides[axis] === 1).length
  return extents.reduce((best, _, axis) => (contiguous(axis) >= contiguous(best) ? axis : best), 0)
}

/** A map kernel. @throws {DtypeError} for float64. */
export function mapStages(context: StageContext, kernel: MapKernel): Stage[] {
  const { domain, stores } = kernel
  const expression = mapExpression(kernel.nodes, stores)
  const stage = (
    units: number,
    emit: (f: FunctionBuilder, body: LoopBody, share: ThreadShare) => void,
  ): Stage =>
    kernelStage(context, kernel, units, (f, pointerOf, share) => {
      emit(f, mapBody(f, expression, stores, pointerOf), share)
    })
  if (domain.length === 0) {
    return [
      stage(1, (f, body) => {
        const single = { axis: undefined, at: [], lanes: 1 }
        emitStores(f, body, single, emitValues(f, body, single))
      }),
    ]
  }
  const lane = laneAxis(stores, domain)
  const cross = crossAxis(expression.inputs, lane, domain)
  const work = instructionCount(expression.roots) + expression.inputs.length + stores.length
  const unit = unitOf(context, work)
  const axesBefore = (last: readonly number[]): number[] => [
    ...[...domain.keys()].filter((axis) => !last.includes(axis)),
    ...last,
  ]
  const rows = (region: Region): Stage[] => {
    const { extents } = region
    if (extents.includes(0)) return []
    const granule = (axis: number): number => (axis === lane ? rowGranule : 1)
    const slices = sliceSpace({ extents, axes: axesBefore([lane]), unit, granule })
    return [
      stage(slices.units, (f, body, share) => {
        emitSlicesOfRows(f, body, lane, region, slices, share)
      }),
    ]
  }
  if (cross === undefined) return rows({ extents: domain, origin: domain.map(() => 0) })
  const { tiles, edges } = tileRegions(domain, lane, cross)
  const [long, short] = tiles[lane] > tiles[cross] ? [lane, cross] : [cross, lane]
  const slices = sliceSpace({
    extents: tiles,
    axes: axesBefore([short, long]).filter((axis) => axis !== short),
    work: tiles[short],
    unit,
    granule: (axis) => (axis === long ? rowGranule : 1),
  })
  return [
    stage(slices.units, (f, body, share) => {
      emitSlicesOfTiles(f, body, { lane, cross, extents: tiles }, slices, share)
    }),
    ...edges.flatMap(rows),
  ]
}

/** True if the product's result is stored as it is and nowhere else: no epilogue to run. */
export const hasPlainResult = ({ epilogue, stores }: DotKernel): boolean =>
  stores.length === 1 && epilogue[stores[0].node].kind === 'result'

/**
 * Adds the epilogue of a product over some of its rows, to run after the raw product stands in the buffer of
 * `stores[0]`: `(pointer of each of dotEpilogueBuffers(kernel), batch, first row, row limit) → ()`.
 * @throws {DtypeError} for float64.
 */
export function addDotEpilogue(module: ModuleBuilder, kernel: DotKernel, exportName?: string): FunctionIndex {
  const buffers = dotEpilogueBuffers(kernel)
  const { buffer, view } = kernel.stores[0]
  const nodes = kernel.epilogue.map((node): ScalarNode =>
    node.kind === 'result' ? { kind: 'load', buffer, view, dtype: node.dtype } : node,
  )
  const expression = mapExpression(nodes, kernel.stores)
  const parameters = [...buffers, 'batch', 'first', 'limit'].map(() => 'i32' as const)
  return module.addFunction(
    { parameters, results: [] },
    (f, locals) => {
      const [batch, first, limit] = locals.slice(buffers.length)
      const body = mapBody(f, expression, kernel.stores, pointersOf(buffers, locals))
      body.cursors.advanceBy(0, batch)
      body.cursors.advanceBy(1, first)
      const rows = f.local('i32')
      f.localGet(limit).localGet(first).i32Sub().localSet(rows)
      repeatBy(f, rows, () => {
        emitRow(f, body, 2, kernel.columns, [0, 0, 0])
        body.cursors.advance(1, 1)
      })
    },
    exportName,
  )
}
