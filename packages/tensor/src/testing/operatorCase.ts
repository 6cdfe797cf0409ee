/** What a case of a primitive is: operands, parameters, and the result that plain loops give. */
import type { Dtype } from '../dtype.ts'
import { typedArrayFrom } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import { hostArray } from '../hostArray.ts'
import type { PrimitiveName, PrimitiveParameters } from '../program/primitive.ts'

export interface OperatorCase<P extends PrimitiveName> {
  readonly inputs: readonly HostArray[]
  readonly parameters: PrimitiveParameters[P]
  readonly expected: ArrayLike<number>
  /** Multiples of the backend's relative rounding error that a result may be off by; default 8. */
  readonly roundings?: number
}

export type OperatorCases = { readonly [P in PrimitiveName]: readonly OperatorCase<P>[] }

export const array = (
  values: ArrayLike<number>,
  shape: readonly number[] = [values.length],
  dtype: Dtype = 'float32',
): HostArray => hostArray(typedArrayFrom(dtype, values), shape, dtype)
