/**
 * The intermediate representation: a flat, typed, immutable list of primitive applications in single static
 * assignment. A program is data; differentiation, simplification and fusion are functions from program to
 * program, and a backend compiles the last one.
 *
 * Invariants (checked by `checkProgram`): every value is defined once, before its use; equation outputs have
 * the types the shape rules give; ids are distinct. An output may be an input, and may repeat.
 */
import type { Dtype } from '../dtype.ts'
import type { Shape } from '../shape.ts'
import type { PrimitiveName, PrimitiveParameters } from './primitive.ts'

/** Shape and element type: all that is known of a tensor before it is computed. */
export interface TensorType {
  readonly shape: Shape
  readonly dtype: Dtype
}

/** A value of a program; identity is the object, `id` is its printed name and unique within the program. */
export interface Value extends TensorType {
  readonly id: number
}

export interface EquationOf<P extends PrimitiveName> {
  readonly primitive: P
  readonly inputs: readonly Value[]
  readonly parameters: PrimitiveParameters[P]
  readonly outputs: readonly Value[]
}

/** One application of a primitive; discriminated by `primitive`. */
export type Equation = { [P in PrimitiveName]: EquationOf<P> }[PrimitiveName]

export interface Program {
  /** For messages and kernel names; no meaning. */
  readonly name: string
  readonly inputs: readonly Value[]
  readonly equations: readonly Equation[]
  readonly outputs: readonly Value[]
}

export const typesOf = (values: readonly TensorType[]): TensorType[] =>
  values.map(({ shape, dtype }) => ({ shape, dtype }))

export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype &&
  a.shape.length === b.shape.length &&
  a.shape.every((extent, axis) => extent === b.shape[axis])

/** `float32[2,3]`. */
export const formatType = ({ shape, dtype }: TensorType): string => `${dtype}[${shape.join(',')}]`
