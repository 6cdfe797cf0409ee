/**
 * Forward mode: the value and the directional derivative of a function of a parameter tree,
 *   (x, dx) ↦ (f(x), ∂f(x) dx).
 */
import type { Tensor } from '@hessian-free/tensor'
import {
  ShapeError,
  applyProgram,
  flattenTree,
  formatType,
  sameType,
  traceClosed,
  unflattenTree,
} from '@hessian-free/tensor'
import { differentiable } from './differentiable.ts'
import { jvpProgram } from './jvpProgram.ts'
import { inPlaces, withZeros } from './symbolicZeros.ts'

export interface ValueAndTangent<R> {
  readonly value: R
  /** In the form of the value; zero where the derivative is. */
  readonly tangent: R
}

/** @throws {ShapeError} unless directions have the types of the points they belong to. */
export function requireDirections(
  operation: string,
  points: readonly Tensor[],
  directions: readonly Tensor[],
): void {
  const odd = points.findIndex((point, i) => directions[i] === undefined || !sameType(point, directions[i]))
  if (odd < 0 && points.length === directions.length) return
  throw new ShapeError({
    operation,
    rule: 'the direction must be a tree like the point, leaf by leaf of the same type',
    found: `${points.map(formatType).join(', ')} and ${directions.map(formatType).join(', ')}`,
  })
}

/**
 * f ↦ ((x, dx, …rest) ↦ (f(x, …rest), ∂f/∂x dx)).
 * The returned function throws {ShapeError} unless dx is like x, and {DtypeError} for integers in x.
 */
export const jvp =
  <P, Rest extends readonly unknown[], R>(f: (first: P, ...rest: Rest) => R) =>
  (first: P, direction: P, ...rest: Rest): ValueAndTangent<R> => {
    const { program, inputs, active, result } = differentiable('jvp', f, [first, ...rest])
    const directions = flattenTree(direction, 'jvp').leaves
    requireDirections(
      'jvp',
      inputs.filter((_, i) => active[i]),
      directions,
    )
    const { program: derived, hasTangent } = jvpProgram(program, active)
    const types = [...inputs, ...directions]
    const complete = traceClosed(derived.name, types, (operands) => {
      const found = applyProgram('jvp', derived, operands)
      const values = found.slice(0, program.outputs.length)
      return [...values, ...withZeros(inPlaces(hasTangent, found.slice(values.length)), values)]
    })
    const found = applyProgram('jvp', complete, types)
    const count = program.outputs.length
    return {
      value: unflattenTree(result, found.slice(0, count)),
      tangent: unflattenTree(result, found.slice(count)),
    }
  }
