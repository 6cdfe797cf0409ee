/**
 * gather and scatterAdd as stages: whole runs of `inner` neighbouring elements are copied, or added, for each index.
 * Indices outside the axis count as its nearest end.
 *
 * Units of a gather are runs, or parts of runs. Those of a scatterAdd are places of the output (columns of runs, or
 * ranges of the axis that is indexed), so that every element takes its addends in the order of the indices, whoever
 * adds them.
 */
import type { Block, GatherKernel, ScatterAddKernel } from '../kernel/kernel.ts'
import { advance } from './assembler/advance.ts'
import type { FunctionBuilder, Local } from './assembler/functionBuilder.ts'
import { requireVectorDtype } from './elements/elementFunctions.ts'
import { kernelStage } from './kernelArguments.ts'
import type { Stage, StageContext } from './stage.ts'
import { meetFirst } from './stage.ts'
import { pushLanes, storeLanes } from './loops/laneMemory.ts'
import type { Access, ViewOf } from './loops/loopCursors.ts'
import { createCursors } from './loops/loopCursors.ts'
import { rowGranule } from './loops/loopKernelRows.ts'
import { nest, repeat, repeatBy } from './loops/loopNest.ts'
import { forEachSlice, sliceSpace, unitOf } from './loops/slices.ts'

type Sum = 'f32x4Add' | 'i32x4Add'

/** A run of contiguous elements: to[i] = from[i], or to[i] += from[i]. The addresses are used up. */
interface Run {
  readonly from: Local
  readonly to: Local
  readonly sum: Sum | undefined
}

/** Elements that a turn of a run's loop takes. */
const turnWidth = 16

function emitStep(f: FunctionBuilder, { from, to, sum }: Run, shift: number, lanes: number): void {
  const access = (cursor: Local): Access => ({ cursor, strides: [1], offset: 0, isIndex: false })
  const value = f.local('v128')
  pushLanes(f, access(from), 0, shift, lanes)
  if (sum !== undefined) {
    pushLanes(f, access(to), 0, shift, lanes)
    f[sum]()
  }
  f.localSet(value)
  storeLanes(f, access(to), 0, shift, lanes, value)
}

function emitTurn(f: FunctionBuilder, run: Run): void {
  for (let shift = 0; shift < turnWidth; shift += 4) emitStep(f, run, shift, 4)
  for (const address of [run.from, run.to]) advance(f, address, 4 * turnWidth)
}

function emitRest(f: FunctionBuilder, run: Run, rest: number): void {
  for (let shift = 0; shift < rest; shift += 4) emitStep(f, run, shift, Math.min(4, rest - shift))
}

/** A run of `count` elements. */
function emitRun(f: FunctionBuilder, run: Run, count: number): void {
  repeat(f, Math.floor(count / turnWidth), () => emitTurn(f, run))
  emitRest(f, run, count % turnWidth)
}

/** `count` elements of a run of `length`: a multiple of `turnWidth`, except at its end. */
function emitPartOfRun(f: FunctionBuilder, run: Run, count: Local, length: number): void {
  const turns = f.local('i32')
  f.localGet(count).i32Const(Math.log2(turnWidth)).i32ShrU().localSet(turns)
  repeatBy(f, turns, () => emitTurn(f, run))
  const rest = length % turnWidth
  if (rest === 0) return
  f.localGet(count)
    .i32Const(turnWidth - 1)
    .i32And()
  f.ifElse(() => emitRest(f, run, rest))
}

/** Reads the index at an address, clamped to the axis, into a local. */
function loadIndex(f: FunctionBuilder, at: Local, extent: number): Local {
  const index = f.local('i32')
  const bound = (limit: number, compare: 'i32LtS' | 'i32GtS'): void => {
    f.localGet(index).i32Const(limit).localGet(index).i32Const(limit)[compare]().select().localSet(index)
  }
  f.localGet(at).i32Load().localSet(index)
  bound(0, 'i32GtS')
  bound(extent - 1, 'i32LtS')
  return index
}

/** A local with base + 4·inner·index. */
function addressOfRun(f: FunctionBuilder, base: Local, index: Local, inner: number): Local {
  const address = f.local('i32')
  f.localGet(index)
    .i32Const(4 * inner)
    .i32Mul()
    .localGet(base)
    .i32Add()
    .localSet(address)
  return address
}

const copyLocal = (f: FunctionBuilder, local: Local): Local => {
  const copy = f.local('i32')
  f.localGet(local).localSet(copy)
  return copy
}

const viewOf = ({ buffer, offset }: Block, strides: readonly number[]): ViewOf => ({
  buffer,
  view: { offset, strides },
})

/** gather. @throws {DtypeError} for float64. */
export function gatherStages(context: StageContext, kernel: GatherKernel): Stage[] {
  requireVectorDtype('gather', kernel.dtype)
  const { outer, extent, count, inner, operand, indices, output } = kernel
  const extents = [outer, count, inner]
  const granule = (axis: number): number => (axis === 2 ? rowGranule : 1)
  const slices = sliceSpace({ extents, axes: [0, 1, 2], unit: unitOf(context, 2), granule })
  return [
    kernelStage(context, kernel, slices.units, (f, pointerOf, share) => {
      const views = [
        viewOf(operand, [extent * inner, 0, 1]),
        viewOf(indices, [0, 1, 0]),
        viewOf(output, [count * inner, inner, 1]),
      ]
      const cursors = createCursors(f, views, pointerOf)
      const [base, at, to] = cursors.accesses.map(({ cursor }) => cursor)
      const nextRun = (): Run => {
        const from = addressOfRun(f, base, loadIndex(f, at, extent), inner)
        return { from, to: copyLocal(f, to), sum: undefined }
      }
      const whole = (): void => emitRun(f, nextRun(), inner)
      forEachSlice(f, cursors, extents, slices, share, (steps) => {
        if (slices.axis === 2) {
          emitPartOfRun(f, nextRun(), steps, inner)
          return
        }
        repeatBy(f, steps, () => {
          nest(f, cursors, slices.axis === 0 ? [{ axis: 1, count }] : [], whole)
          cursors.advance(slices.axis, 1)
        })
      })
    }),
  ]
}

/** The stage that copies the operand of a scatterAdd. */
function copyStage(context: StageContext, kernel: ScatterAddKernel): Stage {
  const { outer, extent, inner, operand, output } = kernel
  const extents = [outer * extent * inner]
  const unit = unitOf(context, 2)
  const slices = sliceSpace({ extents, axes: [0], unit, granule: () => rowGranule })
  return kernelStage(context, kernel, slices.units, (f, pointerOf, share) => {
    const cursors = createCursors(f, [viewOf(operand, [1]), viewOf(output, [1])], pointerOf)
    const [from, to] = cursors.accesses.map(({ cursor }) => cursor)
    forEachSlice(f, cursors, extents, slices, share, (steps) => {
      f.localGet(to).localGet(from).localGet(steps).i32Const(2).i32Shl().memoryCopy()
    })
  })
}

/** Heuristic: elements of a run from which on its columns are shared among threads. */
const sharedRun = 32

/** The stage that adds all updates in columns of the runs. */
function addColumnsStage(context: StageContext, kernel: ScatterAddKernel, sum: Sum): Stage {
  const { outer, extent, count, inner, indices, updates, output } = kernel
  const extents = [outer, count, inner]
  const granule = (axis: number): number => (axis === 2 ? rowGranule : 1)
  const slices = sliceSpace({ extents, axes: [0, 2], work: count, unit: unitOf(context, 3), granule })
  return kernelStage(context, kernel, slices.units, (f, pointerOf, share) => {
    const views = [
      viewOf(updates, [count * inner, inner, 1]),
      viewOf(indices, [0, 1, 0]),
      viewOf(output, [extent * inner, 0, 1]),
    ]
    const cursors = createCursors(f, views, pointerOf)
    const [from, at, base] = cursors.accesses.map(({ cursor }) => cursor)
    const addAll = (emit: (run: Run) => void): void => {
      nest(f, cursors, [{ axis: 1, count }], () => {
        const to = addressOfRun(f, base, loadIndex(f, at, extent), inner)
        emit({ from: copyLocal(f, from), to, sum })
      })
    }
    forEachSlice(f, cursors, extents, slices, share, (steps) => {
      if (slices.axis === 2) addAll((run) => emitPartOfRun(f, run, steps, inner))
      else {
        repeatBy(f, steps, () => {
          addAll((run) => emitRun(f, run, inner))
          cursors.advance(0, 1)
        })
      }
    })
  })
}

/** The stage that adds all updates in ranges of the indexed axis: every thread looks at all indices. */
function addRangesStage(context: StageContext, kernel: ScatterAddKernel, sum: Sum): Stage {
  const { outer, extent, count, inner, indices, updates, output } = kernel
  const extents = [outer, extent, count]
  const slices = sliceSpace({
    extents,
    axes: [0, 1],
    work: (count * inner) / extent,
    unit: unitOf(context, 3),
    granule: (axis) => (axis === 1 ? Math.ceil(rowGranule / inner) : 1),
  })
  return kernelStage(context, kernel, slices.units, (f, pointerOf, share) => {
    const views = [
      viewOf(updates, [count * inner, 0, inner]),
      viewOf(indices, [0, 0, 1]),
      viewOf(output, [extent * inner, inner, 0]),
      { buffer: undefined, view: { offset: 0, strides: [0, 1, 0] } },
    ]
    const cursors = createCursors(f, views, pointerOf)
    const [from, at, base, start] = cursors.accesses.map(({ cursor }) => cursor)
    const range = f.local('i32')
    const addAll = (): void => {
      nest(f, cursors, [{ axis: 2, count }], () => {
        const index = loadIndex(f, at, extent)
        f.localGet(index).localGet(start).i32Sub().localTee(index).localGet(range).i32LtU()
        f.ifElse(() => {
          const to = addressOfRun(f, base, index, inner)
          emitRun(f, { from: copyLocal(f, from), to, sum }, inner)
        })
      })
    }
    forEachSlice(f, cursors, extents, slices, share, (steps) => {
      if (slices.axis === 1) {
        f.localGet(steps).localSet(range)
        addAll()
        return
      }
      f.i32Const(extent).localSet(range)
      repeatBy(f, steps, () => {
        addAll()
        cursors.advance(0, 1)
      })
    })
  })
}

/** scatterAdd. @throws {DtypeError} for float64. */
export function scatterAddStages(context: StageContext, kernel: ScatterAddKernel): Stage[] {
  requireVectorDtype('scatterAdd', kernel.dtype)
  const sum = kernel.dtype === 'float32' ? 'f32x4Add' : 'i32x4Add'
  const addStage = kernel.inner >= sharedRun ? addColumnsStage : addRangesStage
  return [copyStage(context, kernel), ...meetFirst([addStage(context, kernel, sum)])]
}
