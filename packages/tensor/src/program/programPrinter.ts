/**
 * The text of a program, as an engineer would write it; tests and bug reports show it.
 *
 *   layer(a: float32[2,3], b: float32[3,4]) {
 *     c: float32[2,4] = dot(a, b) contract [1]×[0]
 *     return c
 *   }
 */
import type { PrimitiveName, PrimitiveParameters } from './primitive.ts'
import type { Equation, EquationOf, Program, Value } from './program.ts'
import { formatType } from './program.ts'

/** a … z, a1 … z1, …: short, stable names in order of definition. */
function letterName(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26))
  const round = Math.floor(index / 26)
  return round === 0 ? letter : `${letter}${round}`
}

const list = (numbers: readonly number[]): string => `[${numbers.join(',')}]`

type ParameterPrinter<P extends PrimitiveName> = (parameters: PrimitiveParameters[P]) => string

const silent = (): string => ''

const parameterPrinters: { readonly [P in PrimitiveName]: ParameterPrinter<P> } = {
  negate: silent,
  abs: silent,
  sign: silent,
  floor: silent,
  round: silent,
  sqrt: silent,
  exp: silent,
  expm1: silent,
  log: silent,
  log1p: silent,
  sin: silent,
  cos: silent,
  tanh: silent,
  sigmoid: silent,
  softplus: silent,
  not: silent,
  stopGradient: silent,
  add: silent,
  subtract: silent,
  multiply: silent,
  divide: silent,
  power: silent,
  maximum: silent,
  minimum: silent,
  equal: silent,
  less: silent,
  lessEqual: silent,
  and: silent,
  or: silent,
  select: silent,
  convert: ({ dtype }) => ` to ${dtype}`,
  fill: ({ value }) => ` ${Object.is(value, -0) ? '-0' : value}`,
  iota: ({ axis }) => ` along ${axis}`,
  randomBits: silent,
  reshape: silent,
  transpose: ({ permutation }) => ` ${list(permutation)}`,
  broadcast: ({ axes }) => ` axes ${list(axes)}`,
  slice: ({ starts, limits, strides }) =>
    ` ${starts.map((start, a) => `${start}:${limits[a]}${strides[a] === 1 ? '' : `:${strides[a]}`}`).join(', ')}`,
  pad: ({ low, high, interior }) => ` low ${list(low)} high ${list(high)} interior ${list(interior)}`,
  concatenate: ({ axis }) => ` along ${axis}`,
  gather: ({ axis }) => ` along ${axis}`,
  scatterAdd: ({ axis }) => ` along ${axis}`,
  reduceSum: ({ axes }) => ` over ${list(axes)}`,
  reduceMax: ({ axes }) => ` over ${list(axes)}`,
  argMax: ({ axis }) => ` over ${axis}`,
  dot: ({ lhsBatch, rhsBatch, lhsContract, rhsContract }) =>
    `${lhsBatch.length === 0 ? '' : ` batch ${list(lhsBatch)}×${list(rhsBatch)}`} contract ${list(lhsContract)}×${list(rhsContract)}`,
  call: ({ program }) => ` ${program.name}`,
}

const printParameters = <P extends PrimitiveName>({ primitive, parameters }: EquationOf<P>): string =>
  parameterPrinters[primitive](parameters)

/** The program as text; `call` bodies are printed below it. */
export function printProgram(program: Program): string {
  const names = new Map<Value, string>()
  const name = (value: Value): string => {
    const known = names.get(value) ?? letterName(names.size)
    names.set(value, known)
    return known
  }
  const declare = (value: Value): string => `${name(value)}: ${formatType(value)}`
  const line = (equation: Equation): string => {
    const operands = equation.inputs.map(name).join(', ')
    const results = equation.outputs.map(declare).join(', ')
    return `  ${results} = ${equation.primitive}(${operands})${printParameters(equation)}`
  }
  const inputs = program.inputs.map(declare).join(', ')
  const body = program.equations.map(line)
  const outputs = program.outputs.map(name).join(', ')
  const called = new Set(
    program.equations.flatMap((e) => (e.primitive === 'call' ? [e.parameters.program] : [])),
  )
  return [
    `${program.name}(${inputs}) {`,
    ...body,
    `  return ${outputs}`,
    '}',
    ...[...called].map(printProgram),
  ].join('\n')
}
