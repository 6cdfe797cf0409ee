/**
 * What every backend checks before it runs a program: that it was given the inputs that the program takes.
 */
import type { DeviceBuffer } from './backend.ts'
import { BackendError } from './errors.ts'
import type { Program } from './program/program.ts'
import { formatType, sameType } from './program/program.ts'

/**
 * @param donate positions of inputs that the run consumes.
 * @throws {BackendError} for other types than the program's, or a donated buffer that is given twice.
 */
export function requireInputs(
  program: Program,
  inputs: readonly DeviceBuffer[],
  donate: readonly number[],
): void {
  const fits =
    inputs.length === program.inputs.length && inputs.every((input, i) => sameType(input, program.inputs[i]))
  if (!fits) {
    throw new BackendError({
      operation: `run ${program.name}`,
      rule: `takes inputs of the types ${program.inputs.map(formatType).join(', ')}`,
      found: inputs.map(formatType).join(', '),
    })
  }
  const shared = donate.find(
    (position) => inputs.indexOf(inputs[position]) !== inputs.lastIndexOf(inputs[position]),
  )
  if (shared === undefined) return
  throw new BackendError({
    operation: `run ${program.name}`,
    rule: 'a donated buffer may be only one of the inputs',
    found: `the buffer of input ${shared} twice`,
    remedy: 'Do not donate an argument that is also passed elsewhere',
  })
}
