/**
 * Transposition of one primitive that is linear in some operands: from the cotangents of its results, the cotangents
 * of those operands,   ⟨c, A x⟩ = ⟨Aᵀ c, x⟩.
 */
import type { PrimitiveName, PrimitiveParameters, Tensor, TensorType } from '@hessian-free/tensor'
import { ArgumentError } from '@hessian-free/tensor'
import type { Tangent } from './jvpRule.ts'

export interface TransposeApplication<P extends PrimitiveName> {
  readonly primitive: P
  /** The operands that are known; undefined where the primitive is linear. */
  readonly known: readonly (Tensor | undefined)[]
  readonly types: readonly TensorType[]
  /** One per result; at least one is not zero. */
  readonly cotangents: readonly Tangent[]
  readonly parameters: PrimitiveParameters[P]
}

/** One cotangent per operand; those of known operands are ignored. */
export type TransposeRule<P extends PrimitiveName> = (
  application: TransposeApplication<P>,
) => readonly Tangent[]

/** @throws {ArgumentError} saying what is not linear. */
export function failNotLinear(found: string): never {
  throw new ArgumentError({
    operation: 'transpose',
    rule: 'the program must be linear in the inputs that are transposed',
    found,
    remedy: 'Linearise the function first; a derivative rule of your own must be linear in its tangents',
  })
}

/** For primitives that are linear in no operand. @throws {ArgumentError} naming the primitive. */
export const notLinear = ({ primitive }: { readonly primitive: PrimitiveName }): never =>
  failNotLinear(`${primitive} of a linear operand`)
