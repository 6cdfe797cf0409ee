/**
 * A pointer that a loop moves on: pointer ← pointer + bytes.
 */
import type { FunctionBuilder, Local } from './functionBuilder.ts'

/** Adds a constant, which may be negative, to a pointer. */
export const advance = (f: FunctionBuilder, pointer: Local, bytes: number): void => {
  f.localGet(pointer).i32Const(bytes).i32Add().localSet(pointer)
}
