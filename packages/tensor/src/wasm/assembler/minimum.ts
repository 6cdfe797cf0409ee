/**
 * The smaller of a local and a constant, min(x, c) = x < c ? x : c, compared as signed numbers: the end of a part that may
 * stick out over the end of the whole.
 */
import type { FunctionBuilder, Local } from './functionBuilder.ts'

/** Puts the smaller of a local and a constant on the operand stack. */
export const pushMinimum = (f: FunctionBuilder, value: Local, bound: number): FunctionBuilder =>
  f.localGet(value).i32Const(bound).localGet(value).i32Const(bound).i32LtS().select()
