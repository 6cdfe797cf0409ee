/**
 * call(program)(x) → the equations of the program with its inputs replaced by x, at every depth. Run after
 * differentiation: it forgets the derivative rules that calls carry.
 */
import type { Program, Value } from '../program/program.ts'
import { ProgramBuilder } from '../program/programBuilder.ts'

/** The program without calls; the same object if it has none. */
export function inlineCalls(program: Program): Program {
  if (!program.equations.some(({ primitive }) => primitive === 'call')) return program
  const builder = new ProgramBuilder(program.name)
  const inputs = program.inputs.map((type) => builder.input(type))
  return builder.finish(inlineInto(builder, program, inputs))
}

/** Appends the equations of `program`, applied to `inputs`; returns what its outputs became. */
function inlineInto(builder: ProgramBuilder, program: Program, inputs: readonly Value[]): Value[] {
  const renamed = new Map<Value, Value>()
  program.inputs.forEach((value, i) => renamed.set(value, inputs[i]))
  const lookUp = (value: Value): Value => renamed.get(value) as Value
  for (const equation of program.equations) {
    const operands = equation.inputs.map(lookUp)
    const outputs =
      equation.primitive === 'call'
        ? inlineInto(builder, equation.parameters.program, operands)
        : builder.emit(equation.primitive, operands, equation.parameters)
    equation.outputs.forEach((value, i) => renamed.set(value, outputs[i]))
  }
  return program.outputs.map(lookUp)
}
