/**
 * A user's function made ready for a transformation: traced into a program, with the arguments that are
 * differentiated marked. The shared first step of every wrapper in this package.
 */
import type { Program, Tensor, TreeStructure } from '@hessian-free/tensor'
import { ArgumentError, flattenTree, formatType, isFloat, traceFunction } from '@hessian-free/tensor'
import { requireDifferentiable } from './jvpProgram.ts'

export interface Differentiable<P, R> {
  /** Inputs: the flattened arguments, then the captures. */
  readonly program: Program
  /** Tensors for all inputs of the program. */
  readonly inputs: readonly Tensor[]
  /** Per input: whether it belongs to the first argument. */
  readonly active: readonly boolean[]
  readonly structure: TreeStructure<P>
  readonly result: TreeStructure<R>
}

/**
 * Traces `f` at the types of `args`; the first argument is the one to differentiate.
 * @throws {DtypeError} if the first argument holds integers. @throws {ArgumentError} for a leaf that is no tensor.
 */
export function differentiable<P, Rest extends readonly unknown[], R>(
  operation: string,
  f: (first: P, ...rest: Rest) => R,
  args: readonly [P, ...Rest],
): Differentiable<P, R> {
  const name = f.name === '' ? operation : f.name
  const { leaves, structure } = flattenTree(args[0], operation)
  requireDifferentiable(operation, leaves)
  const traced = traceFunction<[P, ...Rest], R>((...all) => f(...all), [...args], name)
  const inputs = [...flattenTree(args, operation).leaves, ...traced.captures]
  return {
    program: traced.program,
    inputs,
    active: inputs.map((_, i) => i < leaves.length),
    structure,
    result: traced.structure,
  }
}

/** @throws {ArgumentError} unless the program returns one float scalar. */
export function requireScalar(operation: string, { name, outputs }: Program): void {
  const [only] = outputs
  if (outputs.length === 1 && only.shape.length === 0 && isFloat(only.dtype)) return
  throw new ArgumentError({
    operation,
    rule: `the function ${name} must return one scalar tensor of a float dtype`,
    found: outputs.map(formatType).join(', ') || 'nothing',
    remedy: 'Reduce the result, for example with sum() or mean()',
  })
}
