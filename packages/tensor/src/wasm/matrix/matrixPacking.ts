/**
 * Packing: copies a strided matrix into panels of `width` lanes,
 *   panel[p][k][w] = source[(p·width + w)·laneStride + k·depthStride],
 * lanes being rows for the left operand and columns for the right one. The last panel is filled up with zeros.
 *
 * Because every element is read through the two strides, plain, transposed and sliced operands cost the same
 * in the product itself; here, unit stride along either axis has a vector path (along the depth by transposing
 * 4×4 blocks in registers).
 *
 * Source: Goto & van de Geijn 2008, section 4.2.
 */
import { advance } from '../assembler/advance.ts'
import { countedLoop } from '../assembler/countedLoop.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { FunctionBody, Signature } from '../assembler/moduleBuilder.ts'
import { transposeVectors } from '../assembler/transposition.ts'

/** (destination, source, lane stride, depth stride, lanes, depth): addresses and strides in bytes. */
export const packingSignature: Signature = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  results: [],
}

interface Panel {
  readonly width: number
  readonly destination: Local
  readonly source: Local
  readonly laneStride: Local
  readonly depthStride: Local
  readonly depth: Local
}

/** The body of the packing function for panels of `width` lanes, an even number. */
export const packingBody =
  (width: number): FunctionBody =>
  (f, [destination, source, laneStride, depthStride, lanes, depth]) => {
    const panel: Panel = { width, destination, source, laneStride, depthStride, depth }
    const lane = f.local('i32')
    const valid = f.local('i32')
    const panelBytes = f.local('i32')
    f.localGet(depth)
      .i32Const(4 * width)
      .i32Mul()
      .localSet(panelBytes)
    const copyLanes = emitters(f, panel)
    countedLoop(f, { counter: lane, start: 0, end: lanes, step: width }, () => {
      f.localGet(lanes).localGet(lane).i32Sub().localTee(valid).i32Const(width).i32LtS()
      f.ifElse(
        () => {
          f.localGet(destination).i32Const(0).localGet(panelBytes).memoryFill()
          copyLanes.partial(valid)
        },
        () => {
          f.localGet(laneStride).i32Const(4).i32Eq()
          f.ifElse(copyLanes.alongLanes, () => {
            f.localGet(depthStride).i32Const(4).i32Eq()
            f.ifElse(copyLanes.alongDepth, copyLanes.general)
          })
        },
      )
      f.localGet(destination).localGet(panelBytes).i32Add().localSet(destination)
      f.localGet(source).localGet(laneStride).i32Const(width).i32Mul().i32Add().localSet(source)
    })
  }

function emitters(f: FunctionBuilder, panel: Panel) {
  const { width, destination, source, laneStride, depthStride, depth } = panel
  const from = f.local('i32')
  const to = f.local('i32')
  const row = f.local('i32')
  const k = f.local('i32')
  const lane = f.local('i32')
  const whole = f.local('i32')
  const loaded = [0, 1, 2, 3].map(() => f.local('v128'))
  const mixed = [0, 1].map(() => f.local('v128'))
  const start = (): void => {
    f.localGet(source).localSet(from)
    f.localGet(destination).localSet(to)
  }
  /** Unit stride along the lanes: whole vectors are copied. */
  const alongLanes = (): void => {
    start()
    countedLoop(f, { counter: k, start: 0, end: depth }, () => {
      for (let at = 0; at < width; at += 4) {
        if (at + 4 <= width) {
          f.localGet(to)
            .localGet(from)
            .v128Load(4 * at)
            .v128Store(4 * at)
        } else {
          f.localGet(to)
            .localGet(from)
            .i64Load(4 * at)
            .i64Store(4 * at)
        }
      }
      f.localGet(from).localGet(depthStride).i32Add().localSet(from)
      advance(f, to, 4 * width)
    })
  }

  /** Loads four steps of each of `count` lanes, beginning at the pointer `row`, into `loaded`. */
  const loadLanes = (count: number): void => {
    for (let i = 0; i < count; i++) {
      f.localGet(row).v128Load().localSet(loaded[i])
      f.localGet(row).localGet(laneStride).i32Add().localSet(row)
    }
  }

  const shuffle = (a: Local, b: Local, lanes: readonly number[]): FunctionBuilder =>
    f.localGet(a).localGet(b).i32x4Shuffle(lanes)

  /** Unit stride along the depth: blocks of four lanes by four steps are transposed in registers. */
  const alongDepth = (): void => {
    start()
    f.localGet(depth).i32Const(-4).i32And().localSet(whole)
    countedLoop(f, { counter: k, start: 0, end: whole, step: 4 }, () => {
      f.localGet(from).localSet(row)
      for (let at = 0; at < width; at += 4) {
        const count = Math.min(4, width - at)
        loadLanes(count)
        const at32 = (step: number) => 4 * (step * width + at)
        if (count === 4) {
          transposeVectors(f, loaded).forEach((vector, step) =>
            f.localGet(to).localGet(vector).v128Store(at32(step)),
          )
        } else {
          shuffle(loaded[0], loaded[1], [0, 4, 1, 5]).localSet(mixed[0])
          shuffle(loaded[0], loaded[1], [2, 6, 3, 7]).localSet(mixed[1])
          for (let step = 0; step < 4; step++) {
            f.localGet(to)
              .localGet(mixed[step >> 1])
              .v128Store64Lane(step % 2, at32(step))
          }
        }
      }
      advance(f, from, 16)
      advance(f, to, 16 * width)
    })
    scalarSteps(whole)
  }

  /** One element at a time, from step `first` on; `from` and `to` stand at that step. */
  const scalarSteps = (first: Local): void => {
    f.localGet(first).localSet(k)
    countedLoop(f, { counter: k, end: depth }, () => {
      f.localGet(from).localSet(row)
      for (let i = 0; i < width; i++) {
        f.localGet(to)
          .localGet(row)
          .f32Load()
          .f32Store(4 * i)
        if (i < width - 1) f.localGet(row).localGet(laneStride).i32Add().localSet(row)
      }
      f.localGet(from).localGet(depthStride).i32Add().localSet(from)
      advance(f, to, 4 * width)
    })
  }

  const general = (): void => {
    start()
    f.i32Const(0).localSet(whole)
    scalarSteps(whole)
  }

  /** The last panel, with fewer than `width` lanes; the zeros are there already. */
  const partial = (valid: Local): void => {
    countedLoop(f, { counter: lane, start: 0, end: valid }, () => {
      f.localGet(source).localGet(lane).localGet(laneStride).i32Mul().i32Add().localSet(from)
      f.localGet(destination).localGet(lane).i32Const(2).i32Shl().i32Add().localSet(to)
      countedLoop(f, { counter: k, start: 0, end: depth }, () => {
        f.localGet(to).localGet(from).f32Load().f32Store()
        f.localGet(from).localGet(depthStride).i32Add().localSet(from)
        advance(f, to, 4 * width)
      })
    })
  }

  return { alongLanes, alongDepth, general, partial }
}
