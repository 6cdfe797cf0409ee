/**
 * Forward mode, program to program:
 *   f: x ↦ y   becomes   (x, dx) ↦ (y, dy),   dy = ∂f(x) dx
 * Every equation is kept, and each that touches a tangent is followed by its rule's equations. Values without a
 * tangent are symbolic zeros: they have no counterpart in the result, so constants and data cost nothing.
 */
import type { Equation, PrimitiveName, Program, Tensor, Value } from '@hessian-free/tensor'
import {
  ArgumentError,
  DtypeError,
  applyPrimitive,
  formatType,
  isFloat,
  traceClosed,
} from '@hessian-free/tensor'
import type { JvpRule, Tangent } from './rules/jvpRule.ts'
import { jvpRules } from './rules/jvpRules.ts'

export interface JvpProgram {
  /** [primals…, tangents of the active inputs…] → [outputs…, tangents of the outputs that have one…]. */
  readonly program: Program
  /** Per output: whether it has a tangent; if not, its derivative is zero. */
  readonly hasTangent: readonly boolean[]
}

const ruleOf = <P extends PrimitiveName>(primitive: P): JvpRule<P> => jvpRules[primitive]

/** Tangents of an equation's results; integer results never have one. */
function tangentsOf(
  equation: Equation,
  primals: readonly Tensor[],
  tangents: readonly Tangent[],
  outputs: readonly Tensor[],
): readonly Tangent[] {
  if (tangents.every((tangent) => tangent === undefined)) return outputs.map(() => undefined)
  const { primitive, parameters } = equation
  const results = (ruleOf(primitive) as JvpRule<PrimitiveName>)({ primals, tangents, outputs, parameters })
  const name =
    equation.primitive === 'call' ? `the derivative of ${equation.parameters.program.name}` : primitive
  return outputs.map((output, i) => {
    const tangent = results[i]
    if (
      tangent === undefined ||
      (tangent.dtype === output.dtype && formatType(tangent) === formatType(output))
    )
      return tangent
    throw new ArgumentError({
      operation: `jvp of ${name}`,
      rule: `the tangent of result ${i} must have the type of the result, ${formatType(output)}`,
      found: formatType(tangent),
    })
  })
}

/** @throws {DtypeError} if an active input is not of a float dtype, since integers have no derivative. */
export function requireDifferentiable(operation: string, types: readonly Value[] | readonly Tensor[]): void {
  for (const type of types) {
    if (isFloat(type.dtype)) continue
    throw new DtypeError({
      operation,
      rule: 'only float32 and float64 tensors can be differentiated',
      found: formatType(type),
      remedy: 'Convert it with convert(x, dtype), or pass it as an argument that is not differentiated',
    })
  }
}

/**
 * @param active per input of `program`: whether it carries a tangent.
 * @throws {DtypeError} if an active input is an integer or bool.
 */
export function jvpProgram(program: Program, active: readonly boolean[]): JvpProgram {
  const operation = `jvp of ${program.name}`
  const activeInputs = program.inputs.filter((_, i) => active[i])
  requireDifferentiable(operation, activeInputs)
  const hasTangent: boolean[] = []

  const derived = traceClosed(`${program.name}.jvp`, [...program.inputs, ...activeInputs], (inputs) => {
    const primal = new Map<Value, Tensor>()
    const tangent = new Map<Value, Tensor>()
    program.inputs.forEach((value, i) => primal.set(value, inputs[i]))
    activeInputs.forEach((value, i) => tangent.set(value, inputs[program.inputs.length + i]))
    const primalOf = (value: Value): Tensor => primal.get(value) as Tensor

    for (const equation of program.equations) {
      const primals = equation.inputs.map(primalOf)
      const outputs = applyPrimitive(equation.primitive, primals, equation.parameters)
      const inward = equation.inputs.map((value) => tangent.get(value))
      const outward = tangentsOf(equation, primals, inward, outputs)
      equation.outputs.forEach((value, i) => {
        primal.set(value, outputs[i])
        if (outward[i] !== undefined) tangent.set(value, outward[i])
      })
    }
    const tangents = program.outputs.map((value) => tangent.get(value))
    hasTangent.push(...tangents.map((dy) => dy !== undefined))
    return [...program.outputs.map(primalOf), ...tangents.filter((dy) => dy !== undefined)]
  })
  return { program: derived, hasTangent }
}
