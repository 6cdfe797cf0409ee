/**
 * Tracing: running a function on tensors that stand for values of a program under construction. While a trace
 * is active every operation is recorded in the innermost one; a tensor from outside (concrete, or traced by an
 * enclosing trace) is captured as a further input. This is all the machinery that composition needs: an inner
 * transformation's program is inlined into the outer trace.
 */
import { LifetimeError } from './errors.ts'
import type { PrimitiveName, PrimitiveParameters } from './program/primitive.ts'
import type { Program, TensorType, Value } from './program/program.ts'
import { ProgramBuilder } from './program/programBuilder.ts'
import { Tensor } from './tensor.ts'

/** A program being recorded. `captures` are outside tensors in the order of their inputs. */
export class Trace {
  readonly #builder: ProgramBuilder
  readonly #captured = new Map<Tensor, Value>()

  constructor(name: string) {
    this.#builder = new ProgramBuilder(name)
  }

  get captures(): readonly Tensor[] {
    return [...this.#captured.keys()]
  }

  input(type: TensorType): Tensor {
    return Tensor.traced(this, this.#builder.input(type))
  }

  emit<P extends PrimitiveName>(
    primitive: P,
    inputs: readonly Tensor[],
    parameters: PrimitiveParameters[P],
  ): Tensor[] {
    const values = inputs.map((tensor) => this.valueOf(tensor))
    return this.#builder.emit(primitive, values, parameters).map((value) => Tensor.traced(this, value))
  }

  inline(program: Program, inputs: readonly Tensor[]): Tensor[] {
    const values = inputs.map((tensor) => this.valueOf(tensor))
    return this.#builder.inline(program, values).map((value) => Tensor.traced(this, value))
  }

  finish(outputs: readonly Tensor[]): Program {
    return this.#builder.finish(outputs.map((tensor) => this.valueOf(tensor)))
  }

  /** The value a tensor has in this trace, capturing it if it comes from outside. */
  valueOf(tensor: Tensor): Value {
    const own = tensor.valueIn(this)
    if (own !== undefined) return own
    if (tensor.isDisposed) {
      throw new LifetimeError({
        operation: 'trace',
        rule: 'the tensor must not have been disposed of',
        found: tensor.toString(),
        remedy: 'Dispose of it after the last function that uses it has been traced and run',
      })
    }
    if (!tensor.isConcrete && !active.some((trace) => tensor.valueIn(trace) !== undefined)) {
      throw new LifetimeError({
        operation: 'trace',
        rule: 'a traced tensor may be used only while the function that created it is being traced',
        found: `${tensor.toString()} in a later trace`,
        remedy: 'Return it from the traced function instead of storing it outside',
      })
    }
    const captured = this.#captured.get(tensor) ?? this.#builder.input(tensor)
    this.#captured.set(tensor, captured)
    return captured
  }
}

const active: Trace[] = []

/** The innermost active trace, if any. */
export const currentTrace = (): Trace | undefined => active.at(-1)

/** A recorded function: the program's inputs are the arguments, then the captures. */
export interface TracedProgram {
  readonly program: Program
  readonly captures: readonly Tensor[]
}

/**
 * Records `body` applied to inputs of the given types.
 * @throws whatever `body` throws; the trace is closed in any case.
 */
export function traceProgram(
  name: string,
  types: readonly TensorType[],
  body: (inputs: readonly Tensor[]) => readonly Tensor[],
): TracedProgram {
  const trace = new Trace(name)
  const inputs = types.map((type) => trace.input(type))
  active.push(trace)
  try {
    const program = trace.finish(body(inputs))
    return { program, captures: trace.captures }
  } finally {
    active.pop()
  }
}

/**
 * Records `body` and insists that it uses nothing but its inputs: what rules and passes need, whose programs
 * stand alone.
 */
export function traceClosed(
  name: string,
  types: readonly TensorType[],
  body: (inputs: readonly Tensor[]) => readonly Tensor[],
): Program {
  const { program, captures } = traceProgram(name, types, body)
  if (captures.length === 0) return program
  throw new LifetimeError({
    operation: name,
    rule: 'the function may use no tensor but its arguments',
    found: captures.map((tensor) => tensor.toString()).join(', '),
    remedy: 'Pass the tensor as an argument',
  })
}
