/**
 * Map kernels, and the epilogues of products, as WebAssembly functions specialised to their shapes. The lane
 * axis is the one along which the first store is contiguous; where an input is contiguous along another axis
 * instead, the loops go over tiles.
 */
import type { BufferIndex, DotKernel, MapKernel, ScalarNode, Store } from '../../kernel/kernel.ts'
import type { FunctionBuilder, FunctionIndex, Local } from '../assembler/functionBuilder.ts'
import type { ModuleBuilder } from '../assembler/moduleBuilder.ts'
import type { LoopBody } from './loopBody.ts'
import { emitStores, emitValues } from './loopBody.ts'
import type { Access, ViewOf } from './loopCursors.ts'
import { createCursors } from './loopCursors.ts'
import { loopExpression } from './loopExpression.ts'
import { emitRow, emitRows } from './loopKernelRows.ts'
import { repeatBy } from './loopNest.ts'
import { crossAxis, emitTiles } from './loopKernelTiles.ts'
import { dotEpilogueBuffers, pointersOf, wholeKernelStage } from '../kernelArguments.ts'
import type { Stage, StageContext } from '../stage.ts'

function mapBody(
  f: FunctionBuilder,
  nodes: readonly ScalarNode[],
  stores: readonly Store[],
  pointerOf: (buffer: BufferIndex) => Local,
): LoopBody {
  const { roots, inputs } = loopExpression(
    nodes,
    stores.map(({ node }) => node),
  )
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
function laneAxis(stores: readonly Access[], extents: readonly number[]): number {
  const contiguous = (axis: number): number => stores.filter(({ strides }) => strides[axis] === 1).length
  return extents.reduce((best, _, axis) => (contiguous(axis) >= contiguous(best) ? axis : best), 0)
}

/** A map kernel. @throws {DtypeError} for float64. */
export function mapStages(context: StageContext, kernel: MapKernel): Stage[] {
  return [
    wholeKernelStage(context, kernel, (f, pointerOf) => {
      const body = mapBody(f, kernel.nodes, kernel.stores, pointerOf)
      const extents = kernel.domain
      if (extents.length === 0) {
        const single = { axis: undefined, at: [], lanes: 1 }
        emitStores(f, body, single, emitValues(f, body, single))
        return
      }
      const lane = laneAxis(body.stores, extents)
      const cross = crossAxis(body, lane, extents)
      if (cross === undefined) emitRows(f, body, lane, { extents, origin: extents.map(() => 0) })
      else emitTiles(f, body, lane, cross, extents)
    }),
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
  const parameters = [...buffers, 'batch', 'first', 'limit'].map(() => 'i32' as const)
  return module.addFunction(
    { parameters, results: [] },
    (f, locals) => {
      const [batch, first, limit] = locals.slice(buffers.length)
      const body = mapBody(f, nodes, kernel.stores, pointersOf(buffers, locals))
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
