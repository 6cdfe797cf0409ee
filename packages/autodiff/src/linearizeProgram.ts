/**
 * Linearisation, program to program: forward mode split into what depends on the point and what is linear,
 *   f: x ↦ y,   primal: x ↦ (y, residuals),   linear: (residuals, dx) ↦ dy = ∂f(x) dx.
 * The primal part runs once per point; the linear part is replayed. There is no tape: the split is a dependency
 * split of a straight-line program. Source: partial evaluation of the jvp, as in JAX's autodidax, part 4; here the
 * whole program is at hand, so no tracing type is needed for it.
 */
import type { Equation, PrimitiveName, Program, Value } from '@hessian-free/tensor'
import { eliminateCommonSubexpressions, eliminateDeadCode } from '@hessian-free/tensor'
import { jvpProgram } from './jvpProgram.ts'

/** Where a residual comes from: an input of the primal program (so it need not be copied) or one of its outputs. */
export interface ResidualSource {
  readonly from: 'input' | 'output'
  readonly position: number
}

export interface LinearizedProgram {
  /** [inputs of f…] → [outputs of f…, residuals that are computed…]. */
  readonly primal: Program
  /** [residuals…, tangents of the active inputs…] → [tangents of the outputs that have one…]. */
  readonly linear: Program
  /** One per residual input of `linear`. */
  readonly residuals: readonly ResidualSource[]
  /** Per output of f: whether it has a tangent. */
  readonly hasTangent: readonly boolean[]
}

/** Recomputed in the linear part rather than stored: they move elements, and passes turn them into views. */
const replayed: ReadonlySet<PrimitiveName> = new Set(['broadcast', 'reshape', 'transpose'])

/**
 * @param active per input of `program`: whether it is differentiated.
 * @throws {DtypeError} if an active input is not of a float dtype.
 */
export function linearizeProgram(program: Program, active: readonly boolean[]): LinearizedProgram {
  const { program: joint, hasTangent } = jvpProgram(program, active)
  const { inputs, equations, outputs } = eliminateDeadCode(eliminateCommonSubexpressions(joint))
  const primalInputs = inputs.slice(0, program.inputs.length)
  const tangents = inputs.slice(program.inputs.length)
  const primalOutputs = outputs.slice(0, program.outputs.length)
  const linearOutputs = outputs.slice(program.outputs.length)

  const linear = new Set<Value>(tangents)
  const producers = new Map<Value, Equation>()
  for (const equation of equations) {
    const isLinear = equation.inputs.some((value) => linear.has(value))
    for (const output of equation.outputs) {
      producers.set(output, equation)
      if (isLinear) linear.add(output)
    }
  }

  // What the linear part needs of the point: constants and movements are recomputed there, the rest is stored.
  const constant = constantValues(equations)
  const stored = new Set<Value>()
  const recomputed = new Set<Equation>()
  const need = (value: Value): void => {
    if (linear.has(value) || stored.has(value)) return
    const equation = producers.get(value)
    if (equation !== undefined && (constant.has(value) || replayed.has(equation.primitive))) {
      recomputed.add(equation)
      equation.inputs.forEach(need)
    } else {
      stored.add(value)
    }
  }
  const isLinearEquation = (equation: Equation): boolean =>
    equation.outputs.some((value) => linear.has(value))
  for (const equation of equations) if (isLinearEquation(equation)) equation.inputs.forEach(need)
  linearOutputs.forEach(need)

  const residualValues = [...stored]
  const computed = residualValues.filter(
    (value) => !primalInputs.includes(value) && !primalOutputs.includes(value),
  )
  const allOutputs = [...primalOutputs, ...computed]
  return {
    primal: eliminateDeadCode({
      name: `${program.name}.primal`,
      inputs: primalInputs,
      equations: equations.filter((equation) => !isLinearEquation(equation)),
      outputs: allOutputs,
    }),
    linear: {
      name: `${program.name}.linear`,
      inputs: [...residualValues, ...tangents],
      equations: equations.filter((equation) => isLinearEquation(equation) || recomputed.has(equation)),
      outputs: linearOutputs,
    },
    residuals: residualValues.map((value): ResidualSource => {
      const input = primalInputs.indexOf(value)
      return input >= 0
        ? { from: 'input', position: input }
        : { from: 'output', position: allOutputs.indexOf(value) }
    }),
    hasTangent,
  }
}

/** Values that depend on no input. */
function constantValues(equations: readonly Equation[]): ReadonlySet<Value> {
  const constant = new Set<Value>()
  for (const { primitive, inputs, outputs } of equations) {
    if (primitive !== 'call' && inputs.every((value) => constant.has(value)))
      outputs.forEach((value) => constant.add(value))
  }
  return constant
}

/** The residuals in the order of `linear`'s inputs, from the primal program's inputs and outputs. */
export const residualsFrom = <T>(
  { residuals }: LinearizedProgram,
  inputs: readonly T[],
  outputs: readonly T[],
): T[] => residuals.map(({ from, position }) => (from === 'input' ? inputs[position] : outputs[position]))
