/**
 * Builds a program one equation at a time; the shape rules run at every step, so a program that was built is
 * well typed. The builder owns the growing lists; `finish` hands out the immutable program.
 */
import type { PrimitiveName, PrimitiveParameters } from './primitive.ts'
import type { Equation, EquationOf, Program, TensorType, Value } from './program.ts'
import { resultTypes } from './shapeRules.ts'

export class ProgramBuilder {
  readonly #inputs: Value[] = []
  readonly #equations: Equation[] = []
  #nextId = 0

  constructor(readonly name: string) {}

  #define({ shape, dtype }: TensorType): Value {
    return { id: this.#nextId++, shape, dtype }
  }

  /** Adds an input of the given type. */
  input(type: TensorType): Value {
    const value = this.#define(type)
    this.#inputs.push(value)
    return value
  }

  /** Applies a primitive. @throws the shape rule's error if the operands do not fit. */
  emit<P extends PrimitiveName>(
    primitive: P,
    inputs: readonly Value[],
    parameters: PrimitiveParameters[P],
  ): readonly Value[] {
    const outputs = resultTypes(primitive, inputs, parameters).map((type) => this.#define(type))
    const equation: EquationOf<P> = { primitive, inputs, parameters, outputs }
    this.#equations.push(equation as Equation)
    return outputs
  }

  /** Copies every equation of `program` with its inputs replaced; returns what its outputs became. */
  inline(program: Program, inputs: readonly Value[]): readonly Value[] {
    const renamed = new Map<Value, Value>()
    program.inputs.forEach((value, i) => renamed.set(value, inputs[i]))
    const lookUp = (value: Value): Value => renamed.get(value) as Value
    for (const equation of program.equations) {
      const outputs = this.emit(equation.primitive, equation.inputs.map(lookUp), equation.parameters)
      equation.outputs.forEach((value, i) => renamed.set(value, outputs[i]))
    }
    return program.outputs.map(lookUp)
  }

  finish(outputs: readonly Value[]): Program {
    return {
      name: this.name,
      inputs: [...this.#inputs],
      equations: [...this.#equations],
      outputs: [...outputs],
    }
  }
}
