/**
 * Walks a program front to back and rebuilds it, replacing applications of primitives by rules: a pass is a
 * table of rules per primitive. What a rule emits goes through the rules again, so rules must not undo each
 * other: each makes the program smaller, cheaper, or nearer to the form the later stages expect.
 */
import type { PrimitiveName, PrimitiveParameters } from '../program/primitive.ts'
import type { Equation, EquationOf, Program, TensorType, Value } from '../program/program.ts'
import { ProgramBuilder } from '../program/programBuilder.ts'
import { resultTypes } from '../program/shapeRules.ts'

/** An application about to be emitted, of a primitive with one result of the given type. */
export interface Application<P extends PrimitiveName> {
  readonly inputs: readonly Value[]
  readonly parameters: PrimitiveParameters[P]
  readonly type: TensorType
}

export interface RewriteContext {
  /** The equation that defines a value of the new program; undefined for inputs. */
  definition(value: Value): Equation | undefined
  /** The defining equation if it is of this primitive. */
  match<P extends PrimitiveName>(value: Value, primitive: P): EquationOf<P> | undefined
  /** How often the original program reads the value; 1 for one that a rule has made. */
  uses(value: Value): number
  /** Emits an application, after the rules have been tried on it. */
  emit<P extends PrimitiveName>(
    primitive: P,
    inputs: readonly Value[],
    parameters: PrimitiveParameters[P],
  ): Value
}

/** The value that replaces the application, or undefined if the rule does not apply. */
export type RewriteRule<P extends PrimitiveName> = (
  application: Application<P>,
  context: RewriteContext,
) => Value | undefined

/** Rules by primitive, tried in order; `call` has several results and cannot be rewritten. */
export type RewriteRules = {
  readonly [P in Exclude<PrimitiveName, 'call'>]?: readonly RewriteRule<P>[]
}

class Rewriter implements RewriteContext {
  readonly builder: ProgramBuilder
  changed = false
  readonly #definitions = new Map<Value, Equation>()
  readonly #uses = new Map<Value, number>()

  constructor(
    name: string,
    readonly rules: RewriteRules,
  ) {
    this.builder = new ProgramBuilder(name)
  }

  definition(value: Value): Equation | undefined {
    return this.#definitions.get(value)
  }

  match<P extends PrimitiveName>(value: Value, primitive: P): EquationOf<P> | undefined {
    const equation = this.#definitions.get(value)
    return equation?.primitive === primitive ? (equation as unknown as EquationOf<P>) : undefined
  }

  uses(value: Value): number {
    return this.#uses.get(value) ?? 1
  }

  addUses(value: Value, count: number): void {
    this.#uses.set(value, (this.#uses.get(value) ?? 0) + count)
  }

  emit<P extends PrimitiveName>(
    primitive: P,
    inputs: readonly Value[],
    parameters: PrimitiveParameters[P],
  ): Value {
    return this.apply(primitive, inputs, parameters)[0]
  }

  apply<P extends PrimitiveName>(
    primitive: P,
    inputs: readonly Value[],
    parameters: PrimitiveParameters[P],
  ): readonly Value[] {
    const rules = (this.rules as { readonly [Q in PrimitiveName]?: readonly RewriteRule<Q>[] })[primitive]
    if (rules !== undefined && rules.length > 0) {
      const [type] = resultTypes(primitive, inputs, parameters)
      for (const rule of rules) {
        const replacement = rule({ inputs, parameters, type }, this)
        if (replacement === undefined) continue
        this.changed = true
        return [replacement]
      }
    }
    const outputs = this.builder.emit(primitive, inputs, parameters)
    const equation = { primitive, inputs, parameters, outputs } as unknown as Equation
    for (const output of outputs) this.#definitions.set(output, equation)
    return outputs
  }
}

/** Reads of each value, outputs of the program included. */
export function countUses({ equations, outputs }: Program): Map<Value, number> {
  const uses = new Map<Value, number>()
  const read = (value: Value): void => {
    uses.set(value, (uses.get(value) ?? 0) + 1)
  }
  for (const { inputs } of equations) inputs.forEach(read)
  outputs.forEach(read)
  return uses
}

/** The program after the rules; the same object if none applied. */
export function rewriteProgram(program: Program, rules: RewriteRules): Program {
  const rewriter = new Rewriter(program.name, rules)
  const uses = countUses(program)
  const renamed = new Map<Value, Value>()
  const rename = (value: Value, to: Value): void => {
    renamed.set(value, to)
    rewriter.addUses(to, uses.get(value) ?? 0)
  }
  const lookUp = (value: Value): Value => renamed.get(value) as Value
  for (const input of program.inputs) rename(input, rewriter.builder.input(input))
  for (const { primitive, inputs, parameters, outputs } of program.equations) {
    const results = rewriter.apply(primitive, inputs.map(lookUp), parameters)
    outputs.forEach((output, i) => rename(output, results[i]))
  }
  return rewriter.changed ? rewriter.builder.finish(program.outputs.map(lookUp)) : program
}
