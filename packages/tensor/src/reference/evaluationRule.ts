/**
 * What an evaluation rule is: host arrays in, host arrays out, for one primitive. The types of the results are
 * those of the equation's outputs, so a rule need not compute them again.
 */
import type { TypedArray } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import type { PrimitiveName, PrimitiveParameters } from '../program/primitive.ts'
import type { TensorType } from '../program/program.ts'

export type EvaluationRule<P extends PrimitiveName> = (
  inputs: readonly HostArray[],
  parameters: PrimitiveParameters[P],
  outputs: readonly TensorType[],
) => readonly HostArray[]

/** A rule for the primitives with one output, from a function that computes its elements. */
export const single =
  <P extends PrimitiveName>(
    compute: (
      inputs: readonly HostArray[],
      parameters: PrimitiveParameters[P],
      output: TensorType,
    ) => TypedArray,
  ): EvaluationRule<P> =>
  (inputs, parameters, [output]) => [
    { shape: output.shape, dtype: output.dtype, data: compute(inputs, parameters, output) },
  ]
