/**
 * maximum and minimum as JavaScript has them: a NaN wins, and −0 is less than +0. The engine's `f32x4.max` does that
 * with about eight machine instructions. Beside a constant c that is no NaN one is enough,
 *   pmax(x, c) = x < c ? c : x,
 * which keeps a NaN in x. Zeros compare equal, so x = −0 would stay beside c = +0: adding +0 makes it +0 and changes
 * nothing else.
 */
import type { Dtype } from '../../dtype.ts'
import { add, floatOf, pseudoMaximum, pseudoMinimum } from './vectorArithmetic.ts'
import type { VectorGraph, VectorNode } from './vectorGraph.ts'

interface Beside {
  readonly x: VectorNode
  readonly constant: VectorNode
  readonly value: number
}

/** The operands, if one of them is a constant and no NaN. */
function besideConstant([a, b]: readonly VectorNode[]): Beside | undefined {
  const [x, constant] = a.kind === 'bits' ? [b, a] : [a, b]
  const value = floatOf(constant)
  return value === undefined || Number.isNaN(value) ? undefined : { x, constant, value }
}

/** The larger of two. */
export function maximum(v: VectorGraph, operands: readonly VectorNode[], dtype: Dtype): VectorNode {
  if (dtype !== 'float32') return v.apply(dtype === 'int32' ? 'i32x4MaxS' : 'i32x4MaxU', ...operands)
  const beside = besideConstant(operands)
  if (beside === undefined) return v.apply('f32x4Max', ...operands)
  const larger = pseudoMaximum(v, beside.x, beside.constant)
  return Object.is(beside.value, 0) ? add(v, larger, beside.constant) : larger
}

/** The smaller of two. */
export function minimum(v: VectorGraph, operands: readonly VectorNode[], dtype: Dtype): VectorNode {
  if (dtype !== 'float32') return v.apply(dtype === 'int32' ? 'i32x4MinS' : 'i32x4MinU', ...operands)
  const beside = besideConstant(operands)
  // x = +0 would stay beside −0.
  if (beside === undefined || Object.is(beside.value, -0)) return v.apply('f32x4Min', ...operands)
  return pseudoMinimum(v, beside.x, beside.constant)
}
