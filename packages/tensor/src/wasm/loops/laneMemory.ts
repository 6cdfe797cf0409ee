/**
 * Between memory and vectors: up to four elements along one axis of an access. Unit stride is one vector load,
 * stride 0 a splat, any other stride one load a lane. Fewer than four lanes touch only their own elements, so
 * that the end of a row is neither read beyond nor written beyond; the other lanes are zero.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { int32Bytes } from '../assembler/encoding.ts'
import type { Access } from './loopCursors.ts'

/** Four integer lanes as sixteen bytes. */
export const laneBytes = (lanes: readonly number[]): number[] => lanes.flatMap((lane) => int32Bytes(lane))

function pushIndices(f: FunctionBuilder, { cursor }: Access, stride: number, shift: number): void {
  f.localGet(cursor).i32x4Splat()
  if (stride === 0 && shift === 0) return
  f.v128Const(laneBytes([0, 1, 2, 3].map((lane) => shift + lane * stride))).i32x4Add()
}

/**
 * Puts `lanes` elements along `axis`, the first of them `shift` elements from the access, on the operand stack.
 * Along an axis of stride 0 all four lanes hold the element.
 */
export function pushLanes(
  f: FunctionBuilder,
  access: Access,
  axis: number | undefined,
  shift: number,
  lanes: number,
): void {
  const stride = axis === undefined ? 0 : access.strides[axis]
  const first = access.offset + shift
  if (access.isIndex) {
    pushIndices(f, access, stride, first)
    return
  }
  const { cursor } = access
  if (stride === 0) f.localGet(cursor).v128Load32Splat(4 * first)
  else if (stride === 1) pushContiguous(f, cursor, 4 * first, lanes)
  else {
    // Addresses of the later lanes wait on the stack below the vector.
    for (let lane = 1; lane < lanes; lane++) f.localGet(cursor)
    f.localGet(cursor).v128Load32Zero(4 * first)
    for (let lane = 1; lane < lanes; lane++) f.v128Load32Lane(lane, 4 * (first + lane * stride))
  }
}

function pushContiguous(f: FunctionBuilder, cursor: Local, offset: number, lanes: number): void {
  if (lanes === 4) f.localGet(cursor).v128Load(offset, 4)
  else if (lanes === 3) {
    f.localGet(cursor)
      .localGet(cursor)
      .v128Load64Zero(offset, 4)
      .v128Load32Lane(2, offset + 8)
  } else if (lanes === 2) f.localGet(cursor).v128Load64Zero(offset, 4)
  else f.localGet(cursor).v128Load32Zero(offset)
}

/** Stores the first `lanes` lanes along `axis`. */
export function storeLanes(
  f: FunctionBuilder,
  access: Access,
  axis: number | undefined,
  shift: number,
  lanes: number,
  value: Local,
): void {
  const stride = axis === undefined ? 1 : access.strides[axis]
  const { cursor } = access
  const first = 4 * (access.offset + shift)
  if (stride === 1 && lanes === 4) {
    f.localGet(cursor).localGet(value).v128Store(first, 4)
    return
  }
  const pair = stride === 1 && lanes >= 2
  if (pair) f.localGet(cursor).localGet(value).v128Store64Lane(0, first)
  for (let lane = pair ? 2 : 0; lane < lanes; lane++) {
    f.localGet(cursor)
      .localGet(value)
      .v128Store32Lane(lane, first + 4 * lane * stride)
  }
}
