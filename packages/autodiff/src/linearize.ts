/**
 * A function linearised at a point: its value, and the linear map dx ↦ ∂f(x) dx with its transpose c ↦ ∂f(x)ᵀ c. The
 * primal part has run; `apply` and `transpose` replay compiled programs on the stored residuals. `vjp` is this and
 * nothing else: the transpose of the linearisation.
 */
import type { Program, Tensor } from '@hessian-free/tensor'
import { applyProgram, disposeTree, flattenTree, traceClosed, unflattenTree } from '@hessian-free/tensor'
import { differentiable } from './differentiable.ts'
import { transposeLinear } from './gradientProgram.ts'
import { requireDirections } from './jvp.ts'
import { linearizeProgram, residualsFrom } from './linearizeProgram.ts'
import { inPlaces, withZeros } from './symbolicZeros.ts'

export interface Linearization<P, R> {
  readonly value: R
  /** What the point keeps in memory; listed so that a `scope` which returns this object keeps it alive too. */
  readonly residuals: readonly Tensor[]
  /** ∂f(x) dx. @throws {ShapeError} unless the direction is like x. */
  readonly apply: (direction: P) => R
  /** ∂f(x)ᵀ c. @throws {ShapeError} unless the cotangent is like the value. */
  readonly transpose: (cotangent: R) => P
  /** Frees value and residuals. The point stays the caller's, and must outlive the linearisation. */
  readonly dispose: () => void
}

/** f ↦ ((x, …rest) ↦ its linearisation in x). Throws as `jvp` does. */
export const linearize =
  <P, Rest extends readonly unknown[], R>(f: (first: P, ...rest: Rest) => R) =>
  (first: P, ...rest: Rest): Linearization<P, R> => {
    const { program, inputs, active, structure, result } = differentiable('linearize', f, [first, ...rest])
    const linearized = linearizeProgram(program, active)
    const primal = applyProgram('linearize', linearized.primal, inputs)
    const residuals = residualsFrom(linearized, inputs, primal)
    const points = inputs.filter((_, i) => active[i])
    const values = primal.slice(0, program.outputs.length)

    let transposed: Program | undefined
    const forward = traceClosed(`${program.name}.linearMap`, [...residuals, ...points], (operands) => {
      const found = applyProgram('linearize', linearized.linear, operands)
      return withZeros(inPlaces(linearized.hasTangent, found), values)
    })
    const backward = (): Program =>
      traceClosed(`${program.name}.pullback`, [...residuals, ...values], (operands) => {
        const cotangents = operands.slice(residuals.length).filter((_, i) => linearized.hasTangent[i])
        const pull = transposeLinear(linearized.linear, residuals.length)
        return withZeros(pull(operands.slice(0, residuals.length), cotangents), points)
      })
    return {
      value: unflattenTree(result, values),
      residuals,
      apply: (direction) => {
        const directions = flattenTree(direction, 'linearize').leaves
        requireDirections('linearize', points, directions)
        return unflattenTree(result, applyProgram('linearize', forward, [...residuals, ...directions]))
      },
      transpose: (cotangent) => {
        const cotangents = flattenTree(cotangent, 'vjp').leaves
        requireDirections('vjp', values, cotangents)
        transposed ??= backward()
        return unflattenTree(structure, applyProgram('vjp', transposed, [...residuals, ...cotangents]))
      },
      dispose: () => disposeTree(primal satisfies readonly Tensor[]),
    }
  }

export interface ValueAndPullback<P, R> {
  readonly value: R
  /** What the point keeps in memory; listed so that a `scope` which returns this object keeps it alive too. */
  readonly residuals: readonly Tensor[]
  /** c ↦ ∂f(x)ᵀ c. @throws {ShapeError} unless the cotangent is like the value. */
  readonly pullback: (cotangent: R) => P
  readonly dispose: () => void
}

/** Reverse mode: f ↦ ((x, …rest) ↦ (f(x, …rest), its pullback in x)). Throws as `jvp` does. */
export const vjp =
  <P, Rest extends readonly unknown[], R>(f: (first: P, ...rest: Rest) => R) =>
  (first: P, ...rest: Rest): ValueAndPullback<P, R> => {
    const { value, residuals, transpose, dispose } = linearize(f)(first, ...rest)
    return { value, residuals, pullback: transpose, dispose }
  }
