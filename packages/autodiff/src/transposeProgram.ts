/**
 * Transposition, program to program: a program linear in some inputs, x ↦ A x, becomes c ↦ Aᵀ c. Equations that do not
 * touch a linear value are evaluated forwards; the others are walked backwards, cotangents of a value used several
 * times are added. A cotangent that never arises is a symbolic zero.
 */
import type { Equation, PrimitiveName, Program, Tensor, Value } from '@hessian-free/tensor'
import { applyPrimitive, traceClosed } from '@hessian-free/tensor'
import { isZeroByConstruction, requireNoConstantTerm } from './rules/affineTerms.ts'
import type { Tangent } from './rules/jvpRule.ts'
import { sumOf } from './rules/jvpRule.ts'
import type { TransposeRule } from './rules/transposeRule.ts'
import { failNotLinear } from './rules/transposeRule.ts'
import { transposeRules } from './rules/transposeRules.ts'

export interface TransposedProgram {
  /** [known inputs…, cotangents of the outputs given…] → [cotangents of the linear inputs that have one…]. */
  readonly program: Program
  /** Per linear input: whether it has a cotangent; if not, it is zero. */
  readonly hasCotangent: readonly boolean[]
}

const ruleOf = <P extends PrimitiveName>(primitive: P): TransposeRule<P> => transposeRules[primitive]

/**
 * @param linear per input: whether the program is linear in it and it is transposed.
 * @param given per output: whether it has a cotangent; default all.
 * @throws {ArgumentError} naming the primitive, if the program is not linear in those inputs.
 */
export function transposeProgram(
  program: Program,
  linear: readonly boolean[],
  given: readonly boolean[] = program.outputs.map(() => true),
): TransposedProgram {
  const known = program.inputs.filter((_, i) => !linear[i])
  const outputs = program.outputs.filter((_, i) => given[i])
  const hasCotangent: boolean[] = []

  const transposed = traceClosed(`${program.name}.transpose`, [...known, ...outputs], (inputs) => {
    const forward = new Map<Value, Tensor>()
    known.forEach((value, i) => forward.set(value, inputs[i]))
    const isLinear = new Set<Value>(program.inputs.filter((_, i) => linear[i]))
    const zeros = new Set<Value>()
    const backward: Equation[] = []
    for (const equation of program.equations) {
      if (equation.inputs.some((value) => isLinear.has(value))) {
        requireNoConstantTerm(
          equation,
          (value) => isLinear.has(value),
          (value) => zeros.has(value),
        )
        equation.outputs.forEach((value) => isLinear.add(value))
        backward.push(equation)
      } else {
        const operands = equation.inputs.map((value) => forward.get(value) as Tensor)
        const results = applyPrimitive(equation.primitive, operands, equation.parameters)
        equation.outputs.forEach((value, i) => forward.set(value, results[i]))
        if (isZeroByConstruction(equation, zeros)) zeros.add(equation.outputs[0])
      }
    }

    const cotangent = new Map<Value, Tangent>()
    const accumulate = (value: Value, c: Tangent): void => {
      if (isLinear.has(value)) cotangent.set(value, sumOf(cotangent.get(value), c))
    }
    outputs.forEach((value, i) => {
      if (!isLinear.has(value) && !zeros.has(value))
        failNotLinear(`output ${program.outputs.indexOf(value)}, which is a constant`)
      accumulate(value, inputs[known.length + i])
    })
    for (const { primitive, inputs: operands, outputs: results, parameters } of backward.reverse()) {
      const cotangents = results.map((value) => cotangent.get(value))
      if (cotangents.every((c) => c === undefined)) continue
      const found = (ruleOf(primitive) as TransposeRule<PrimitiveName>)({
        primitive,
        known: operands.map((value) => (isLinear.has(value) ? undefined : forward.get(value))),
        types: operands,
        cotangents,
        parameters,
      })
      operands.forEach((value, i) => accumulate(value, found[i]))
    }

    const wanted = program.inputs.filter((_, i) => linear[i]).map((value) => cotangent.get(value))
    hasCotangent.push(...wanted.map((c) => c !== undefined))
    return wanted.filter((c) => c !== undefined)
  })
  return { program: transposed, hasCotangent }
}
