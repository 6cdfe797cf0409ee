/**
 * Gradients of scalar functions of a parameter tree, in reverse mode. Differentiation is with respect to the first
 * argument; the others are data. Outside a trace each call traces, transforms and compiles: wrap the result in `jit`
 * to compile once.
 */
import { applyProgram, unflattenTree } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { differentiable, requireScalar } from './differentiable.ts'
import { gradientProgram } from './gradientProgram.ts'

export interface ValueAndGradient<P> {
  /** f at the point, a scalar. */
  readonly value: Tensor
  /** ∇f, in the form of the first argument. */
  readonly gradient: P
}

/**
 * f ↦ ((x, …rest) ↦ (f(x, …rest), ∇f)).
 * The returned function throws {ArgumentError} unless f returns one float scalar, and {DtypeError} for integers in x.
 */
export const valueAndGrad =
  <P, Rest extends readonly unknown[]>(f: (first: P, ...rest: Rest) => Tensor) =>
  (first: P, ...rest: Rest): ValueAndGradient<P> => {
    const { program, inputs, active, structure } = differentiable('grad', f, [first, ...rest])
    requireScalar('grad', program)
    const [value, ...gradients] = applyProgram('grad', gradientProgram(program, active), inputs)
    return { value, gradient: unflattenTree(structure, gradients) }
  }

/** f ↦ ((x, …rest) ↦ ∇f). Throws as `valueAndGrad` does. */
export const grad =
  <P, Rest extends readonly unknown[]>(f: (first: P, ...rest: Rest) => Tensor) =>
  (first: P, ...rest: Rest): P => {
    const { value, gradient } = valueAndGrad(f)(first, ...rest)
    value.dispose()
    return gradient
  }
