/**
 * gather and scatterAdd as WebAssembly functions: whole runs of `inner` neighbouring elements are copied, or
 * added, for each index. Indices outside the axis count as its nearest end.
 */
import type { Block, GatherKernel, ScatterAddKernel } from '../kernel/kernel.ts'
import type { Dtype } from '../dtype.ts'
import type { FunctionBuilder, Local } from './assembler/functionBuilder.ts'
import { requireVectorDtype } from './elements/elementFunctions.ts'
import { wholeKernelStage } from './kernelArguments.ts'
import type { Stage, StageContext } from './stage.ts'
import { pushLanes, storeLanes } from './loops/laneMemory.ts'
import { repeat } from './loops/loopNest.ts'

type Pointers = (block: Block) => Local

const vectorsPerTurn = 4

/** A run of contiguous elements: to[i] = from[i], or to[i] += from[i]. */
function emitRun(
  f: FunctionBuilder,
  source: Local,
  target: Local,
  count: number,
  sum: 'f32x4Add' | 'i32x4Add' | undefined,
): void {
  const from = { cursor: f.local('i32'), strides: [1], offset: 0, isIndex: false }
  const to = { cursor: f.local('i32'), strides: [1], offset: 0, isIndex: false }
  const value = f.local('v128')
  const step = (shift: number, lanes: number): void => {
    pushLanes(f, from, 0, shift, lanes)
    if (sum !== undefined) {
      pushLanes(f, to, 0, shift, lanes)
      f[sum]()
    }
    f.localSet(value)
    storeLanes(f, to, 0, shift, lanes, value)
  }
  f.localGet(source).localSet(from.cursor).localGet(target).localSet(to.cursor)
  const width = 4 * vectorsPerTurn
  const turns = Math.floor(count / width)
  repeat(f, turns, () => {
    for (let shift = 0; shift < width; shift += 4) step(shift, 4)
    for (const { cursor } of [from, to])
      f.localGet(cursor)
        .i32Const(4 * width)
        .i32Add()
        .localSet(cursor)
  })
  for (let shift = 0; shift < count - turns * width; shift += 4) {
    step(shift, Math.min(4, count - turns * width - shift))
  }
}

/** A local with the address of a block. */
function blockPointer(f: FunctionBuilder, block: Block, pointers: (buffer: number) => Local): Local {
  const local = f.local('i32')
  f.localGet(pointers(block.buffer))
    .i32Const(4 * block.offset)
    .i32Add()
    .localSet(local)
  return local
}

/** Adds `distance` bytes to an address. */
const move = (f: FunctionBuilder, pointer: Local, distance: number): void => {
  f.localGet(pointer).i32Const(distance).i32Add().localSet(pointer)
}

/**
 * For every o < outer and c < count, in order: `body` with the address of run clamp(indices[c]) of the o-th
 * block at `base` and the address of run (o, c) of the dense array at `dense`.
 */
function forEachRun(
  f: FunctionBuilder,
  { outer, extent, count, inner, indices }: GatherKernel | ScatterAddKernel,
  pointerOf: Pointers,
  base: Local,
  dense: Local,
  body: (indexed: Local, dense: Local) => void,
): void {
  const at = pointerOf(indices)
  const index = f.local('i32')
  const indexed = f.local('i32')
  const least = (bound: number, compare: 'i32LtS' | 'i32GtS'): void => {
    f.localGet(index).i32Const(bound).localGet(index).i32Const(bound)[compare]().select().localSet(index)
  }
  repeat(f, outer, () => {
    repeat(f, count, () => {
      f.localGet(at).i32Load().localSet(index)
      least(0, 'i32GtS')
      least(extent - 1, 'i32LtS')
      f.localGet(index)
        .i32Const(4 * inner)
        .i32Mul()
        .localGet(base)
        .i32Add()
        .localSet(indexed)
      body(indexed, dense)
      move(f, at, 4)
      move(f, dense, 4 * inner)
    })
    move(f, at, -4 * count)
    move(f, base, 4 * extent * inner)
  })
}

/** gather. @throws {DtypeError} for float64. */
export function gatherStages(context: StageContext, kernel: GatherKernel): Stage[] {
  requireVectorDtype('gather', kernel.dtype)
  return [
    wholeKernelStage(context, kernel, (f, pointers) => {
      const pointerOf: Pointers = (block) => blockPointer(f, block, pointers)
      const base = pointerOf(kernel.operand)
      forEachRun(f, kernel, pointerOf, base, pointerOf(kernel.output), (from, to) =>
        emitRun(f, from, to, kernel.inner, undefined),
      )
    }),
  ]
}

const sumOf = (dtype: Dtype): 'f32x4Add' | 'i32x4Add' => (dtype === 'float32' ? 'f32x4Add' : 'i32x4Add')

/** scatterAdd. @throws {DtypeError} for float64. */
export function scatterAddStages(context: StageContext, kernel: ScatterAddKernel): Stage[] {
  requireVectorDtype('scatterAdd', kernel.dtype)
  const { outer, extent, inner } = kernel
  return [
    wholeKernelStage(context, kernel, (f, pointers) => {
      const pointerOf: Pointers = (block) => blockPointer(f, block, pointers)
      const base = pointerOf(kernel.output)
      f.localGet(base).localGet(pointerOf(kernel.operand))
      f.i32Const(4 * outer * extent * inner).memoryCopy()
      forEachRun(f, kernel, pointerOf, base, pointerOf(kernel.updates), (to, from) =>
        emitRun(f, from, to, inner, sumOf(kernel.dtype)),
      )
    }),
  ]
}
