/**
 * Drops equations of whose results nothing is read, in one backward sweep. Inputs stay: they are the program's
 * signature.
 */
import type { Equation, Program, Value } from '../program/program.ts'

/** The program without dead equations; the same object if there are none. */
export function eliminateDeadCode(program: Program): Program {
  const live = new Set<Value>(program.outputs)
  const kept: Equation[] = []
  for (let i = program.equations.length - 1; i >= 0; i--) {
    const equation = program.equations[i]
    if (!equation.outputs.some((output) => live.has(output))) continue
    kept.push(equation)
    for (const input of equation.inputs) live.add(input)
  }
  return kept.length === program.equations.length ? program : { ...program, equations: kept.reverse() }
}
