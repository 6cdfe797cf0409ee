/**
 * Reverse mode, program to program: x ↦ (f(x), ∇f(x)) for a scalar f, as the transposed linear part applied to 1.
 * One program: residuals are intermediate values of it and never leave the device.
 */
import type { Program, Tensor } from '@hessian-free/tensor'
import { applyProgram, onesLike, traceClosed } from '@hessian-free/tensor'
import { linearizeProgram, residualsFrom } from './linearizeProgram.ts'
import type { Tangent } from './rules/jvpRule.ts'
import { transposeProgram } from './transposeProgram.ts'
import { inPlaces, withZeros } from './symbolicZeros.ts'

/**
 * [inputs…] → [outputs…, cotangents of the active inputs…], pulling ones back from the outputs; for a scalar that is
 * the gradient. An input the function does not depend on gets zeros.
 */
export function gradientProgram(program: Program, active: readonly boolean[]): Program {
  const linearized = linearizeProgram(program, active)
  const transposed = transposeLinear(linearized.linear, linearized.residuals.length)
  return traceClosed(`${program.name}.gradient`, program.inputs, (inputs) => {
    const primal = applyProgram(program.name, linearized.primal, inputs)
    const outputs = primal.slice(0, program.outputs.length)
    const cotangents = outputs.filter((_, i) => linearized.hasTangent[i]).map((y) => onesLike(y))
    const gradients = transposed(residualsFrom(linearized, inputs, primal), cotangents)
    const types = program.inputs.filter((_, i) => active[i])
    return [...outputs, ...withZeros(gradients, types)]
  })
}

/**
 * The transposed linear part of a linearisation as a function of residuals and cotangents; undefined results are zero.
 * Call it while tracing.
 */
export function transposeLinear(
  linear: Program,
  residualCount: number,
): (residuals: readonly Tensor[], cotangents: readonly Tensor[]) => Tangent[] {
  const { program, hasCotangent } = transposeProgram(
    linear,
    linear.inputs.map((_, i) => i >= residualCount),
  )
  return (residuals, cotangents) => {
    const found = applyProgram(program.name, program, [...residuals, ...cotangents])
    return inPlaces(hasCotangent, found)
  }
}
