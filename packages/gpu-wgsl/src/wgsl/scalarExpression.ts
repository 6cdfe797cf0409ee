/**
 * The scalar expression of a fused kernel as WGSL statements: one `let` per node, over one element or a vector of four.
 * Element functions that WGSL lacks, or computes too coarsely, come from `elementFunctions.ts`.
 *
 * Constants are `let`s too: WGSL evaluates an expression of literals while it compiles, and rejects a shader where
 * that overflows or divides by zero.
 */
import type { Dtype, ScalarNode } from '@hessian-free/tensor'
import { ArgumentError } from '@hessian-free/tensor'
import { elementExpression } from './elementFunctions.ts'
import { floatBits, floatLiteral, hexadecimal } from './functionTemplate.ts'
import type { Lanes } from './kernelBindings.ts'
import { valueType } from './kernelBindings.ts'

export { elementFunctionSource } from './elementFunctions.ts'

export interface ExpressionContext {
  readonly lanes: Lanes
  /** WGSL expression of a load's value at the current index. */
  load(node: Extract<ScalarNode, { readonly kind: 'load' }>): string
  /** WGSL expression, of the node's value type, of offset + Σ strides·index at the current index. */
  index(node: Extract<ScalarNode, { readonly kind: 'index' }>): string
  /** WGSL expression of the root's value at the current index; only in epilogues. */
  readonly result?: string
}

export interface EmittedExpression {
  /** `let` statements, one per line. */
  readonly statements: string
  /** Name (or literal) of the value of each node. */
  readonly values: readonly string[]
  /** Definitions of the functions that the statements call, for `elementFunctionSource`. */
  readonly functions: ReadonlySet<string>
}

/** A WGSL expression, and the names of element functions that it calls. */
export interface ConstantExpression {
  readonly expression: string
  readonly functions: readonly string[]
}

/**
 * A number as WGSL: `2.5f`, `vec4<i32>(-3)`, `floatOfBits1(0x7fc00000u)` for what has no literal.
 * @throws {DtypeError} for float64.
 */
export function constantExpression(value: number, dtype: Dtype, lanes: Lanes): ConstantExpression {
  const type = valueType(dtype, lanes)
  if (dtype === 'float32') {
    const literal = floatLiteral(value)
    if (literal === undefined) {
      const bits = hexadecimal(floatBits(value))
      return {
        expression: `floatOfBits${lanes}(${lanes === 1 ? bits : `vec4<u32>(${bits})`})`,
        functions: [`floatOfBits${lanes}`],
      }
    }
    return { expression: lanes === 1 ? literal : `${type}(${literal})`, functions: [] }
  }
  const literal =
    dtype === 'bool' ? String(value !== 0) : dtype === 'int32' ? String(value | 0) : `${value >>> 0}u`
  return { expression: `${type}(${literal})`, functions: [] }
}

/**
 * @param prefix of the names it defines; two expressions in one scope need different ones.
 * @throws {ArgumentError} for a `result` node where the context has none.
 * @throws {DtypeError} for float64.
 */
export function emitExpression(
  nodes: readonly ScalarNode[],
  context: ExpressionContext,
  prefix = 'v',
): EmittedExpression {
  const { lanes } = context
  const functions = new Set<string>()
  const call = (name: string, ...operands: readonly string[]): string => {
    functions.add(`${name}${lanes}`)
    return `${name}${lanes}(${operands.join(', ')})`
  }
  const values: string[] = []
  const lines: string[] = []
  const expressionOf = (node: ScalarNode): string => {
    switch (node.kind) {
      case 'load':
        return context.load(node)
      case 'index':
        return context.index(node)
      case 'constant': {
        const constant = constantExpression(node.value, node.dtype, lanes)
        for (const name of constant.functions) functions.add(name)
        return constant.expression
      }
      case 'result':
        return requireResult(context)
      case 'apply': {
        const operands = node.operands.map((operand) => values[operand])
        const from = nodes[node.operands[node.operands.length - 1]].dtype
        return elementExpression(node.primitive, operands, { lanes, from, to: node.dtype, call })
      }
    }
  }
  nodes.forEach((node, i) => {
    const expression = expressionOf(node)
    // What only passes an operand on has no name of its own.
    if (node.kind === 'apply' && node.operands.some((operand) => values[operand] === expression)) {
      values.push(expression)
      return
    }
    lines.push(`let ${prefix}${i} = ${expression};\n`)
    values.push(`${prefix}${i}`)
  })
  return { statements: lines.join(''), values, functions }
}

function requireResult({ result }: ExpressionContext): string {
  if (result !== undefined) return result
  throw new ArgumentError({
    operation: 'emitExpression',
    rule: 'only an epilogue has a result node',
    found: 'a result node without a result',
  })
}
