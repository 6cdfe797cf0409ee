/**
 * Symbolic zeros leave a program's result list: only tangents (or cotangents) that exist are outputs. These put the list
 * back into places, and, where arrays are wanted after all, put zeros where nothing is.
 */
import type { Tensor, TensorType } from '@hessian-free/tensor'
import { zeros } from '@hessian-free/tensor'
import type { Tangent } from './rules/jvpRule.ts'

/** One entry per flag: the next of `found` where it is set, else undefined. */
export function inPlaces(present: readonly boolean[], found: readonly Tangent[]): Tangent[] {
  let next = 0
  return present.map((has) => (has ? found[next++] : undefined))
}

/** Zeros of the given types where a tangent is a symbolic zero. Recorded in the active trace. */
export const withZeros = (tangents: readonly Tangent[], types: readonly TensorType[]): Tensor[] =>
  tangents.map((tangent, i) => tangent ?? zeros(types[i].shape, types[i].dtype))
