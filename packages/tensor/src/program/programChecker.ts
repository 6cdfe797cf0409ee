/**
 * Checks every invariant of a program: single assignment, definition before use, distinct ids, and output types
 * as the shape rules give them. It runs after every pass in tests and on programs that users build by hand.
 */
import { ProgramError } from '../errors.ts'
import type { Equation, Program, Value } from './program.ts'
import { formatType, sameType } from './program.ts'
import { printProgram } from './programPrinter.ts'
import { resultTypes } from './shapeRules.ts'

/** @returns the program itself, for chaining. @throws {ProgramError} naming the equation and the rule. */
export function checkProgram(program: Program): Program {
  const defined = new Set<Value>()
  const ids = new Set<number>()
  const fail = (where: string, rule: string, cause?: unknown): never => {
    throw new ProgramError({
      operation: `program ${program.name}, ${where}`,
      rule,
      found: `\n${printProgram(program)}\n`,
      cause,
    })
  }
  const define = (value: Value, where: string): void => {
    if (defined.has(value)) fail(where, `value ${value.id} is defined twice`)
    if (ids.has(value.id)) fail(where, `two values share the id ${value.id}`)
    defined.add(value)
    ids.add(value.id)
  }
  const use = (value: Value, where: string): void => {
    if (!defined.has(value)) fail(where, `value ${value.id} is used before it is defined`)
  }
  program.inputs.forEach((value, i) => define(value, `input ${i}`))
  program.equations.forEach((equation, i) => {
    const where = `equation ${i} (${equation.primitive})`
    equation.inputs.forEach((value) => use(value, where))
    checkTypes(equation, where, fail)
    equation.outputs.forEach((value) => define(value, where))
    if (equation.primitive === 'call') checkProgram(equation.parameters.program)
  })
  program.outputs.forEach((value, i) => use(value, `output ${i}`))
  return program
}

function checkTypes(
  equation: Equation,
  where: string,
  fail: (where: string, rule: string, cause?: unknown) => never,
): void {
  let wanted: readonly { readonly shape: readonly number[]; readonly dtype: Value['dtype'] }[]
  try {
    wanted = resultTypes(equation.primitive, equation.inputs, equation.parameters)
  } catch (cause) {
    return fail(
      where,
      `breaks its shape rule (${cause instanceof Error ? cause.message : String(cause)})`,
      cause,
    )
  }
  const equal =
    wanted.length === equation.outputs.length &&
    wanted.every((type, i) => sameType(type, equation.outputs[i]))
  if (!equal) fail(where, `must have the types ${wanted.map(formatType).join(', ')}`)
}
