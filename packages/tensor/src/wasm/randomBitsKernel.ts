/**
 * Threefry-2x32 with 20 rounds on four counters at a time, bit-equal to `random/threefry.ts`: eight elements a
 * turn are word 0 and then word 1 of counters 4b … 4b + 3, which is two vectors without a shuffle.
 * Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 4.2.
 */
import type { RandomBitsKernel } from '../kernel/kernel.ts'
import { wholeKernelStage } from './kernelArguments.ts'
import type { Stage, StageContext } from './stage.ts'
import { laneBytes, storeLanes } from './loops/laneMemory.ts'
import { repeat } from './loops/loopNest.ts'
import { addIntegers, bitOr, bitXor } from './elements/vectorArithmetic.ts'
import { emitVectors } from './elements/vectorEmission.ts'
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

/** Random bits. */
export function randomBitsStages(context: StageContext, kernel: RandomBitsKernel): Stage[] {
  const { count, key, output } = kernel
  return [
    wholeKernelStage(context, kernel, (f, pointerOf) => {
      const v = createVectorGraph()
      const roots = threefry(v, v.input(0), v.input(1), v.input(2))
      const inputs = [f.local('v128'), f.local('v128'), f.local('v128')]
      const [counter, key0, key1] = inputs
      f.v128Const(laneBytes([0, 1, 2, 3])).localSet(counter)
      f.localGet(pointerOf(key.buffer))
        .v128Load32Splat(4 * key.offset)
        .localSet(key0)
      f.localGet(pointerOf(key.buffer))
        .v128Load32Splat(4 * key.offset + 4)
        .localSet(key1)
      const cursor = f.local('i32')
      f.localGet(pointerOf(output.buffer))
        .i32Const(4 * output.offset)
        .i32Add()
        .localSet(cursor)
      const access = { cursor, strides: [1], offset: 0, isIndex: false }
      const block = (elements: number): void => {
        const words = emitVectors(f, roots, (input) => f.localGet(inputs[input]))
        words.forEach((word, i) => {
          const lanes = Math.min(4, elements - 4 * i)
          if (lanes > 0) storeLanes(f, access, 0, 4 * i, lanes, word)
        })
      }
      repeat(f, Math.floor(count / 8), () => {
        block(8)
        f.localGet(cursor).i32Const(32).i32Add().localSet(cursor)
        f.localGet(counter).i32x4Const(4).i32x4Add().localSet(counter)
      })
      if (count % 8 > 0) block(count % 8)
    }),
  ]
}
