/**
 * The output Hessian of a loss as a linear map with residuals, u ↦ H u with H = ∂²loss/∂z² at z. A closed form given by
 * the loss is linear in u, so linearising it in u splits what depends on z from what is replayed; without a closed
 * form the gradient of the loss in z is linearised instead (forward over reverse). Either way z is met once per point.
 */
import type { Program, Tensor, TensorType, TracedProgram, TreeStructure } from '@hessian-free/tensor'
import {
  ArgumentError,
  ShapeError,
  applyProgram,
  flattenTree,
  formatType,
  sameType,
  traceProgram,
  unflattenTree,
  zerosLike,
} from '@hessian-free/tensor'
import { requireScalar } from './differentiable.ts'
import { gradientProgram } from './gradientProgram.ts'
import { linearizeProgram, residualsFrom } from './linearizeProgram.ts'
import { transposeProgram } from './transposeProgram.ts'
import { inPlaces, withZeros } from './symbolicZeros.ts'

/** A scalar loss of a model's outputs, and the product with its Hessian in the outputs if it is known in closed form. */
export interface OutputLoss<R, T> {
  /** The loss, a scalar. */
  value(outputs: R, targets: T): Tensor
  /** H u, in the form of the outputs; derived by differentiation where absent. Must be linear in u. */
  hessianProduct?(outputs: R, targets: T, directions: R): R
}

export interface OutputCurvature {
  /** What the loss closes over. */
  readonly captures: readonly Tensor[]
  /** The loss and the residuals of u ↦ H u, recorded in the active trace. */
  primal(
    outputs: readonly Tensor[],
    targets: readonly Tensor[],
    captures: readonly Tensor[],
  ): {
    readonly value: Tensor
    readonly residuals: readonly Tensor[]
  }
  /** H u, recorded in the active trace. */
  apply(residuals: readonly Tensor[], directions: readonly Tensor[]): Tensor[]
}

/** @throws {ArgumentError} unless the loss is one float scalar. */
export function outputCurvature<R, T>(
  loss: OutputLoss<R, T>,
  outputs: readonly TensorType[],
  structure: TreeStructure<R>,
  targets: T,
): OutputCurvature {
  const flat = flattenTree(targets, 'gaussNewtonProduct')
  const count = outputs.length
  const first = count + flat.leaves.length
  const outputTree = (leaves: readonly Tensor[]): R => unflattenTree(structure, leaves.slice(0, count))
  const targetTree = (leaves: readonly Tensor[]): T =>
    unflattenTree(flat.structure, leaves.slice(count, first))

  const value = traceProgram('loss', [...outputs, ...flat.leaves], (leaves) => [
    loss.value(outputTree(leaves), targetTree(leaves)),
  ])
  requireScalar('gaussNewtonProduct', value.program)

  const map =
    loss.hessianProduct === undefined
      ? derivedMap(value, count)
      : traceProgram(
          'outputHessian',
          [...outputs, ...flat.leaves, ...outputs],
          (leaves) =>
            flattenTree(
              loss.hessianProduct?.(
                outputTree(leaves),
                targetTree(leaves),
                unflattenTree(structure, leaves.slice(first)),
              ),
            ).leaves,
        )
  const isClosedForm = loss.hessianProduct !== undefined
  const isActive = (i: number): boolean => (isClosedForm ? i >= first && i < first + count : i < count)
  if (isClosedForm) requireHessianProduct(map.program, outputs, isActive)
  const linearized = linearizeProgram(
    map.program,
    map.program.inputs.map((_, i) => isActive(i)),
  )

  return {
    captures: [...value.captures, ...map.captures],
    primal: (z, t, captured) => {
      const [result] = applyProgram('loss', value.program, [
        ...z,
        ...t,
        ...captured.slice(0, value.captures.length),
      ])
      // The closed form is linear in u, so any u gives the same residuals; the dead zeros are eliminated.
      const directions = isClosedForm ? z.map((leaf) => zerosLike(leaf)) : []
      const operands = [...z, ...t, ...directions, ...captured.slice(value.captures.length)]
      const primal = applyProgram('outputHessian', linearized.primal, operands)
      return { value: result, residuals: residualsFrom(linearized, operands, primal) }
    },
    apply: (residuals, directions) => {
      const found = applyProgram('outputHessian', linearized.linear, [...residuals, ...directions])
      return withZeros(inPlaces(linearized.hasTangent, found), outputs)
    },
  }
}

/**
 * @throws {ShapeError} unless the product is like the outputs.
 * @throws {ArgumentError} unless it is linear in the directions: then, and only then, it can be transposed.
 */
function requireHessianProduct(
  program: Program,
  outputs: readonly TensorType[],
  isDirection: (i: number) => boolean,
): void {
  const operation = "the loss's hessianProduct"
  const fits =
    program.outputs.length === outputs.length &&
    outputs.every((type, i) => sameType(type, program.outputs[i]))
  if (!fits) {
    throw new ShapeError({
      operation,
      rule: 'H u must be a tree like the outputs, leaf by leaf of the same type',
      found: `${program.outputs.map(formatType).join(', ')} for outputs ${outputs.map(formatType).join(', ')}`,
    })
  }
  try {
    transposeProgram(
      program,
      program.inputs.map((_, i) => isDirection(i)),
    )
  } catch (cause) {
    if (!(cause instanceof ArgumentError)) throw cause
    throw new ArgumentError({
      operation,
      rule: 'H u must be linear in the directions u',
      found: cause.found ?? cause.message,
      remedy: 'Leave hessianProduct out and it is derived from the value',
      cause,
    })
  }
}

/** z ↦ ∂loss/∂z, whose linearisation is the Hessian. */
function derivedMap({ program, captures }: TracedProgram, count: number): TracedProgram {
  const { outputs, ...gradient }: Program = gradientProgram(
    program,
    program.inputs.map((_, i) => i < count),
  )
  return { program: { ...gradient, outputs: outputs.slice(1) }, captures }
}
