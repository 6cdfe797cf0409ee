/**
 * Compares a random float32 program on a backend with the same program in float64. The backend may be off by eight times
 * what the plain float32 interpreter is off by (the program's own conditioning), plus 64 roundings of the largest value.
 */
import type { Backend } from '../backend.ts'
import type { TypedArray } from '../dtype.ts'
import { hostArray } from '../hostArray.ts'
import type { Equation, Program, Value } from '../program/program.ts'
import { printProgram } from '../program/programPrinter.ts'
import { createReferenceBackend } from '../reference/referenceBackend.ts'
import type { RandomProgram } from './randomProgram.ts'

/** The program with float64 in place of float32. */
function widened({ name, inputs, equations, outputs }: Program): Program {
  const wide = new Map<Value, Value>()
  const widen = (value: Value): Value => {
    const known = wide.get(value) ?? { ...value, dtype: value.dtype === 'float32' ? 'float64' : value.dtype }
    wide.set(value, known)
    return known
  }
  const equation = (each: Equation): Equation => {
    const parameters =
      'dtype' in each.parameters && each.parameters.dtype === 'float32'
        ? { ...each.parameters, dtype: 'float64' }
        : each.parameters
    return {
      ...each,
      parameters,
      inputs: each.inputs.map(widen),
      outputs: each.outputs.map(widen),
    } as Equation
  }
  return { name, inputs: inputs.map(widen), equations: equations.map(equation), outputs: outputs.map(widen) }
}

async function run(
  backend: Backend,
  program: Program,
  inputs: readonly TypedArray[],
): Promise<readonly TypedArray[]> {
  const buffers = inputs.map((data, i) => backend.upload(hostArray(data, program.inputs[i].shape)))
  const executable = backend.compile(program)
  const results = executable.run(buffers)
  const read = await Promise.all(results.map((result) => backend.read(result)))
  for (const buffer of [...buffers, ...results]) backend.release(buffer)
  executable.dispose()
  return read
}

/** @throws {Error} naming the output and the element that is wrong, with the program's text. */
export async function checkRandomProgram(
  backend: Backend,
  { program, inputs }: RandomProgram,
): Promise<void> {
  const reference = createReferenceBackend()
  const exact = await run(
    reference,
    widened(program),
    inputs.map((data) => Float64Array.from(data)),
  )
  const largest = Math.max(
    1,
    ...exact.flatMap((array) => Array.from(array, Math.abs)).filter(Number.isFinite),
  )
  // Beyond this cancellation has eaten most digits of float32, and differences say nothing.
  if (largest > 1e4 || exact.some((array) => array.some((value: number) => !Number.isFinite(value)))) return
  const plain = await run(reference, program, inputs)
  const own = Math.max(
    0,
    ...plain.flatMap((array, o) => Array.from(array, (value, i) => Math.abs(value - exact[o][i]))),
  )
  const allowed = 8 * own + 64 * backend.tolerance('float32') * largest
  const found = await run(backend, program, inputs)
  found.forEach((array, o) => {
    array.forEach((value: number, i: number) => {
      if (Math.abs(value - exact[o][i]) <= allowed) return
      throw new Error(
        `${backend.name}, output ${o}, element ${i}: ${value} instead of ${exact[o][i]} ± ${allowed}\n${printProgram(program)}`,
      )
    })
  })
}
