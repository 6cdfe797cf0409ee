/**
 * What a program costs when it is interpreted as it stands: one line per equation, products counted as
 * 2·batch·m·n·k = 2 · (elements of the result) · (contracted elements), calls included.
 */
import type { ExecutableSummary } from '../backend.ts'
import type { Equation, Program } from '../program/program.ts'
import { formatType } from '../program/program.ts'
import { sizeOf } from '../shape.ts'

/** Equations in the order in which they are evaluated, those of called programs in place of the call. */
const evaluatedEquations = ({ equations }: Program): Equation[] =>
  equations.flatMap((equation) =>
    equation.primitive === 'call' ? evaluatedEquations(equation.parameters.program) : [equation],
  )

export function summarizeProgram(program: Program): ExecutableSummary {
  const equations = evaluatedEquations(program)
  const flops = equations.flatMap((equation) => {
    if (equation.primitive !== 'dot') return []
    const [lhs] = equation.inputs
    const depth = sizeOf(equation.parameters.lhsContract.map((axis) => lhs.shape[axis]))
    return [2 * sizeOf(equation.outputs[0].shape) * depth]
  })
  return {
    kernels: equations.map(({ primitive, outputs }) => `${primitive} ${outputs.map(formatType).join(', ')}`),
    matrixProducts: flops.length,
    matrixProductFlops: flops.reduce((sum, count) => sum + count, 0),
    scratchBytes: 0,
  }
}
