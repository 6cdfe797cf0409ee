/**
 * Multiply-add of four elements, sum ← sum + a·b: the one place where what may be relaxed is chosen.
 *
 * `relaxed` is `f32x4.relaxed_madd`, which rounds once where the machine has a fused instruction and twice where not;
 * `separate` rounds twice everywhere, so that results do not depend on the machine.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'

export type MultiplyAdd = 'relaxed' | 'separate'

/** Adds the product of the two vectors on the operand stack to a sum. */
export function addProduct(f: FunctionBuilder, multiplyAdd: MultiplyAdd, sum: Local): void {
  if (multiplyAdd === 'relaxed') f.localGet(sum).f32x4RelaxedMadd()
  else f.f32x4Mul().localGet(sum).f32x4Add()
  f.localSet(sum)
}
