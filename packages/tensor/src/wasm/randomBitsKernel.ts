/**
 * Threefry-2x32 with 20 rounds on four counters at a time, bit-equal to `random/threefry.ts`: eight elements a
 * turn are word 0 and then word 1 of counters 4b … 4b + 3, which is two vectors without a shuffle.
 * Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 4.2.
 */
import type { RandomBitsKernel } from '../kernel/kernel.ts'
import { kernelStage } from './kernelArguments.ts'
import type { Stage, StageContext } from './stage.ts'
import { laneBytes, storeLanes } from './loops/laneMemory.ts'
import { createCursors } from './loops/loopCursors.ts'
import { rowGranule } from './loops/loopKernelRows.ts'
import { repeatBy } from './loops/loopNest.ts'
import { forEachSlice, sliceSpace, unitOf } from './loops/slices.ts'
import { addIntegers, bitOr, bitXor } from './elements/vectorArithmetic.ts'
import { emitVectors, instructionCount } from './elements/vectorEmission.ts'
import type { VectorGraph, VectorNode } from './elements/vectorGraph.ts'
import { createVectorGraph } from './elements/vectorGraph.ts'

const parity = 0x1bd11bda
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
]

const rotateLeft = (v: VectorGraph, x: VectorNode, bits: number): VectorNode =>
  bitOr(v, v.shift('i32x4Shl', x, bits), v.shift('i32x4ShrU', x, 32 - bits))

/** Both words of the counters (c, 0) under the key (k₀, k₁). */
function threefry(v: VectorGraph, counter: VectorNode, key0: VectorNode, key1: VectorNode): VectorNode[] {
  const schedule = [key0, key1, bitXor(v, bitXor(v, key0, key1), v.integer(parity))]
  let x = addIntegers(v, counter, key0)
  let y = key1
  for (let group = 0; group < 5; group++) {
    for (const bits of rotations[group % 2]) {
      x = addIntegers(v, x, y)
      y = bitXor(v, rotateLeft(v, y, bits), x)
    }
    x = addIntegers(v, x, schedule[(group + 1) % 3])
    y = addIntegers(v, addIntegers(v, y, schedule[(group + 2) % 3]), v.integer(group + 1))
  }
  return [x, y]
}

/** Elements of a turn: both words of four counters. */
const turnWidth = 8

/** Random bits; a unit is a range of counters. */
export function randomBitsStages(context: StageContext, kernel: RandomBitsKernel): Stage[] {
  const { count, key, output } = kernel
  const v = createVectorGraph()
  const roots = threefry(v, v.input(0), v.input(1), v.input(2))
  const extents = [count]
  const unit = unitOf(context, instructionCount(roots) / 2)
  const slices = sliceSpace({ extents, axes: [0], unit, granule: () => rowGranule })
  return [
    kernelStage(context, kernel, slices.units, (f, pointerOf, share) => {
      const inputs = [f.local('v128'), f.local('v128'), f.local('v128')]
      const [counter, key0, key1] = inputs
      const keys = pointerOf(key.buffer)
      f.localGet(keys)
        .v128Load32Splat(4 * key.offset)
        .localSet(key0)
      f.localGet(keys)
        .v128Load32Splat(4 * key.offset + 4)
        .localSet(key1)
      const views = [
        { buffer: output.buffer, view: { offset: output.offset, strides: [1] } },
        { buffer: undefined, view: { offset: 0, strides: [1] } },
      ]
      const cursors = createCursors(f, views, pointerOf)
      const [access, { cursor: position }] = cursors.accesses
      const turn = (elements: number): void => {
        const words = emitVectors(f, roots, (input) => f.localGet(inputs[input]))
        words.forEach((word, i) => {
          const lanes = Math.min(4, elements - 4 * i)
          if (lanes > 0) storeLanes(f, access, 0, 4 * i, lanes, word)
        })
      }
      const turns = f.local('i32')
      forEachSlice(f, cursors, extents, slices, share, (steps) => {
        f.localGet(position).i32Const(1).i32ShrU().i32x4Splat()
        f.v128Const(laneBytes([0, 1, 2, 3]))
          .i32x4Add()
          .localSet(counter)
        f.localGet(steps).i32Const(Math.log2(turnWidth)).i32ShrU().localSet(turns)
        repeatBy(f, turns, () => {
          turn(turnWidth)
          cursors.advance(0, turnWidth)
          f.localGet(counter).i32x4Const(4).i32x4Add().localSet(counter)
        })
        if (count % turnWidth === 0) return
        f.localGet(steps)
          .i32Const(turnWidth - 1)
          .i32And()
        f.ifElse(() => turn(count % turnWidth))
      })
    }),
  ]
}
