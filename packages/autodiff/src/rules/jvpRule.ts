/**
 * Forward mode for one primitive: from the primal operands x, the tangents dx and the primal results y = f(x),
 * the tangents dy = ∂f(x) dx. An undefined tangent is a symbolic zero: nothing is computed for it, and no array
 * of zeros stands for it. Rules are linear in the tangents and reuse y where the derivative is a function of it.
 */
import type { PrimitiveName, PrimitiveParameters, Tensor } from '@hessian-free/tensor'

/** A tangent or cotangent; undefined is zero. */
export type Tangent = Tensor | undefined

/** One application of a primitive at a primal point with tangents. */
export interface JvpApplication<P extends PrimitiveName> {
  readonly primals: readonly Tensor[]
  readonly tangents: readonly Tangent[]
  readonly outputs: readonly Tensor[]
  readonly parameters: PrimitiveParameters[P]
}

/** One tangent per result. It is called only if some operand has a tangent. */
export type JvpRule<P extends PrimitiveName> = (application: JvpApplication<P>) => readonly Tangent[]

/** The derivative is zero wherever it exists. */
export const zeroDerivative = (): readonly Tangent[] => [undefined]

/** A rule for one operand: `derivative(dx, x, y)`. */
export const unary =
  <P extends PrimitiveName>(derivative: (dx: Tensor, x: Tensor, y: Tensor) => Tensor): JvpRule<P> =>
  ({ primals, tangents, outputs }) => [tangents[0] && derivative(tangents[0], primals[0], outputs[0])]

/** A primitive linear in its only operand: the derivative is the primitive itself. */
export const linear =
  <P extends PrimitiveName>(apply: (dx: Tensor, parameters: PrimitiveParameters[P]) => Tensor): JvpRule<P> =>
  ({ tangents, parameters }) => [tangents[0] && apply(tangents[0], parameters)]

/** a + b, where undefined is zero. */
export const sumOf = (a: Tangent, b: Tangent): Tangent =>
  a === undefined ? b : b === undefined ? a : a.add(b)
