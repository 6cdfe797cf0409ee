/**
 * Equal applications become one: same primitive, parameters and operands, where operands of a commutative
 * primitive may stand in either order. Every primitive is a pure function (random bits too: of their key), so
 * merging never changes a result. Calls are left alone; inline them first.
 */
import type { PrimitiveName } from '../program/primitive.ts'
import type { Equation, Program, Value } from '../program/program.ts'
import { parameterKey } from '../program/parameterKey.ts'
import { ProgramBuilder } from '../program/programBuilder.ts'

const commutative: ReadonlySet<PrimitiveName> = new Set([
  'add',
  'multiply',
  'maximum',
  'minimum',
  'equal',
  'and',
  'or',
])

function keyOf({ primitive, parameters }: Equation, operands: readonly Value[]): string {
  const ids = operands.map(({ id }) => id)
  if (commutative.has(primitive)) ids.sort((a, b) => a - b)
  return `${primitive} ${ids.join(' ')} ${parameterKey(parameters)}`
}

/** The program without repeated equations; the same object if there are none. */
export function eliminateCommonSubexpressions(program: Program): Program {
  const builder = new ProgramBuilder(program.name)
  const renamed = new Map<Value, Value>()
  const lookUp = (value: Value): Value => renamed.get(value) as Value
  const known = new Map<string, readonly Value[]>()
  let repeated = false
  for (const input of program.inputs) renamed.set(input, builder.input(input))
  for (const equation of program.equations) {
    const operands = equation.inputs.map(lookUp)
    const key = equation.primitive === 'call' ? undefined : keyOf(equation, operands)
    const earlier = key === undefined ? undefined : known.get(key)
    const outputs = earlier ?? builder.emit(equation.primitive, operands, equation.parameters)
    if (earlier !== undefined) repeated = true
    else if (key !== undefined) known.set(key, outputs)
    equation.outputs.forEach((output, i) => renamed.set(output, outputs[i]))
  }
  return repeated ? builder.finish(program.outputs.map(lookUp)) : program
}
