/**
 * One path for eager and traced calls: inside a trace a primitive or program is recorded; outside it is
 * compiled once per backend and run. An eager call is therefore a program too (of one primitive, or of the few
 * that one operation is made of), cached by operation, parameters and operand types.
 */
import type { Backend, DeviceBuffer, Executable } from './backend.ts'
import { defaultBackend } from './defaultBackend.ts'
import { BackendError } from './errors.ts'
import type { Program, TensorType } from './program/program.ts'
import { formatType } from './program/program.ts'
import { parameterKey } from './program/parameterKey.ts'
import type { PrimitiveName, PrimitiveParameters } from './program/primitive.ts'
import { Tensor } from './tensor.ts'
import { currentTrace, traceClosed } from './trace.ts'

/** The backend that holds all the tensors; the default one if there are none. */
export function backendOf(operation: string, tensors: readonly Tensor[]): Backend {
  const [first, ...rest] = tensors
  if (first === undefined) return defaultBackend()
  const other = rest.find((tensor) => tensor.backend !== first.backend)
  if (other === undefined) return first.backend
  throw new BackendError({
    operation,
    rule: 'all operands must be on one backend',
    found: `${first.backend.name} and ${other.backend.name}`,
    remedy: 'Move one with tensor.to(backend)',
  })
}

const executables = new WeakMap<Backend, WeakMap<Program, Executable>>()

/** The executable of a program on a backend, compiled at the first call. */
export function executableOf(backend: Backend, program: Program): Executable {
  let compiled = executables.get(backend)
  if (compiled === undefined) executables.set(backend, (compiled = new WeakMap()))
  let executable = compiled.get(program)
  if (executable === undefined) compiled.set(program, (executable = backend.compile(program)))
  return executable
}

/** Runs an executable on concrete tensors; the results belong to the caller (or to the open scope). */
export function runExecutable(backend: Backend, executable: Executable, inputs: readonly Tensor[]): Tensor[] {
  const buffers: DeviceBuffer[] = inputs.map((tensor) => tensor.buffer)
  return executable.run(buffers).map((buffer) => Tensor.concrete(backend, buffer))
}

/**
 * Applies a program: inlined into the active trace, or compiled and run.
 * @param operation name for messages.
 */
export function applyProgram(operation: string, program: Program, inputs: readonly Tensor[]): Tensor[] {
  const trace = currentTrace()
  if (trace !== undefined) return trace.inline(program, inputs)
  const backend = backendOf(operation, inputs)
  return runExecutable(backend, executableOf(backend, program), inputs)
}

const eagerPrograms = new Map<string, Program>()

/**
 * An operation made of primitives. Inside a trace its body is recorded as it stands; outside, the body is
 * traced once per `key` and operand types and the program is run.
 * @param key everything but the operands that the body depends on (axes, shapes, dtypes).
 */
export function operation(
  name: string,
  key: string,
  operands: readonly Tensor[],
  body: (operands: readonly Tensor[]) => Tensor,
): Tensor {
  if (currentTrace() !== undefined) return body(operands)
  const signature = `${name} ${key} ${operands.map(formatType).join(' ')}`
  let program = eagerPrograms.get(signature)
  if (program === undefined) {
    program = traceClosed(name, operands satisfies readonly TensorType[], (inputs) => [body(inputs)])
    eagerPrograms.set(signature, program)
  }
  return applyProgram(name, program, operands)[0]
}

/** Applies one primitive; the operations layer and the rules of transformations are written with this. */
export function applyPrimitive<P extends PrimitiveName>(
  primitive: P,
  inputs: readonly Tensor[],
  parameters: PrimitiveParameters[P],
): Tensor[] {
  const trace = currentTrace()
  if (trace !== undefined) return trace.emit(primitive, inputs, parameters)
  if (primitive === 'call') {
    return applyProgram('call', (parameters as PrimitiveParameters['call']).program, inputs)
  }
  const key = parameterKey(parameters)
  return [operation(primitive, key, inputs, (operands) => applyPrimitive(primitive, operands, parameters)[0])]
}
