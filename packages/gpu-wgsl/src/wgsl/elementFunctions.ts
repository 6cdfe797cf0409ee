/**
 * The element-wise primitives as WGSL expressions, by dtype and lane count. What WGSL's operators and builtins do
 * exactly (+, floor, integer minimum, …) is emitted in place; the rest are calls of functions that are defined beside
 * this file, in one family per source file, and that `elementFunctionSource` collects.
 */
import type { Dtype, ElementwisePrimitive } from '@hessian-free/tensor'
import { ArgumentError } from '@hessian-free/tensor'
import { arithmeticFunctions } from './arithmeticSource.ts'
import { exponentialFunctions } from './exponentialSource.ts'
import type { FunctionFamily } from './functionTemplate.ts'
import { basicFunctions, laneTypes } from './functionTemplate.ts'
import type { Lanes } from './kernelBindings.ts'
import { valueType } from './kernelBindings.ts'
import { logarithmFunctions } from './logarithmSource.ts'
import { logisticFunctions } from './logisticSource.ts'
import { powerFunctions } from './powerSource.ts'
import { oneLaneTrigonometricFunctions, trigonometricFunctions } from './trigonometricSource.ts'

const families: readonly FunctionFamily[] = [
  basicFunctions,
  arithmeticFunctions,
  exponentialFunctions,
  logarithmFunctions,
  logisticFunctions,
  powerFunctions,
  trigonometricFunctions,
]

/** Definitions by name; they are made when they are first wanted. */
const definitions: ReadonlyMap<string, () => string> = new Map([
  ...families.flatMap((family) =>
    Object.entries(family).flatMap(([name, template]) =>
      ([1, 4] as const).map((lanes) => [`${name}${lanes}`, () => template(laneTypes[lanes])] as const),
    ),
  ),
  ...Object.entries(oneLaneTrigonometricFunctions).map(
    ([name, template]) => [`${name}1`, () => template(laneTypes[1])] as const,
  ),
])

/** Names of all functions: `keep1`, `keep4`, … */
export const elementFunctionNames: readonly string[] = [...definitions.keys()]

export interface ElementContext {
  readonly lanes: Lanes
  /** dtype of the last operand. */
  readonly from: Dtype
  /** dtype of the result. */
  readonly to: Dtype
  /** A call of one of the functions, which is noted as needed. */
  readonly call: (name: string, ...operands: readonly string[]) => string
}

/** WGSL expression of the primitive; operands are names of values. */
type ElementRule = (operands: readonly string[], context: ElementContext) => string

const operator =
  (symbol: string): ElementRule =>
  ([x, y]) =>
    `${x} ${symbol} ${y}`

const builtin =
  (name: string): ElementRule =>
  (operands) =>
    `${name}(${operands.join(', ')})`

const called =
  (name: string): ElementRule =>
  (operands, { call }) =>
    call(name, ...operands)

const byClass =
  (float: ElementRule, other: ElementRule): ElementRule =>
  (operands, context) =>
    (context.from === 'float32' ? float : other)(operands, context)

const splat = (dtype: Dtype, lanes: Lanes, literal: string): string =>
  `${valueType(dtype, lanes)}(${literal})`

function convert(x: string, { from, to, lanes, call }: ElementContext): string {
  if (from === to) return x
  const type = valueType(to, lanes)
  if (to === 'bool') {
    return from === 'float32' ? call('isNotZero', x) : `${x} != ${splat(from, lanes, '0')}`
  }
  if (from === 'bool') return `select(${splat(to, lanes, '0')}, ${splat(to, lanes, '1')}, ${x})`
  if (to === 'float32') return from === 'uint32' ? call('floatOfUnsigned', x) : `${type}(${x})`
  if (from === 'float32') return call(to === 'int32' ? 'signedOfFloat' : 'unsignedOfFloat', x)
  return `bitcast<${type}>(${x})`
}

const rules: Readonly<Record<ElementwisePrimitive, ElementRule>> = {
  negate: ([x], { from, lanes }) => (from === 'uint32' ? `${splat(from, lanes, '0')} - ${x}` : `-${x}`),
  abs: builtin('abs'),
  sign: byClass(called('signOf'), ([x], { from, lanes }) =>
    from === 'uint32' ? `min(${x}, ${splat(from, lanes, '1')})` : `sign(${x})`,
  ),
  floor: builtin('floor'),
  round: builtin('round'),
  sqrt: called('squareRoot'),
  exp: called('exponential'),
  expm1: called('exponentialMinusOne'),
  log: called('logarithm'),
  log1p: called('logarithmOfOnePlus'),
  sin: called('sine'),
  cos: called('cosine'),
  tanh: called('hyperbolicTangent'),
  sigmoid: called('logistic'),
  softplus: called('softplus'),
  not: ([x]) => `!${x}`,
  stopGradient: ([x]) => x,
  add: operator('+'),
  subtract: operator('-'),
  multiply: operator('*'),
  divide: byClass(operator('/'), (operands, { from, call }) =>
    call(from === 'int32' ? 'quotientOfSigned' : 'quotientOfUnsigned', ...operands),
  ),
  power: called('power'),
  maximum: byClass(called('maximum'), builtin('max')),
  minimum: byClass(called('minimum'), builtin('min')),
  equal: byClass(called('equal'), operator('==')),
  less: byClass(called('less'), operator('<')),
  lessEqual: byClass(called('lessEqual'), operator('<=')),
  and: operator('&'),
  or: operator('|'),
  select: ([condition, whenTrue, whenFalse]) => `select(${whenFalse}, ${whenTrue}, ${condition})`,
  convert: ([x], context) => convert(x, context),
}

/**
 * The WGSL expression of one primitive on named values.
 * @throws {DtypeError} for float64.
 */
export function elementExpression(
  primitive: ElementwisePrimitive,
  operands: readonly string[],
  context: ElementContext,
): string {
  valueType(context.from, context.lanes)
  valueType(context.to, context.lanes)
  return rules[primitive](operands, context)
}

/**
 * Module-scope WGSL of the named functions and of what they call, each once.
 * @throws {ArgumentError} for a name that is not in `elementFunctionNames`.
 */
export function elementFunctionSource(names: Iterable<string>): string {
  const sources = new Map<string, string>()
  const define = (name: string): void => {
    if (sources.has(name)) return
    const definition = definitions.get(name)
    if (definition === undefined) {
      throw new ArgumentError({
        operation: 'elementFunctionSource',
        rule: 'the name must be that of an element function and end in its number of lanes, 1 or 4',
        found: name,
      })
    }
    const source = definition()
    sources.set(name, source)
    for (const [, called] of source.matchAll(/\b(\w+[14])\(/g)) if (definitions.has(called)) define(called)
  }
  for (const name of names) define(name)
  return [...sources.values()].map((source) => `${source}\n`).join('\n')
}
