/**
 * Sums over cases of squared per-case gradients, Σ_i g_i ∘ g_i, from the program of the summed gradient Σ_i g_i.
 *
 * For a dense layer g_i = a_i δ_iᵀ, so Σ_i g_i ∘ g_i = (a ∘ a)ᵀ(δ ∘ δ): the same product with its operands squared
 * and no per-case gradient in memory (Martens' code, 2010). The general case is the same idea one level up: the
 * gradient is a tree of sums; where a sum runs over more than the cases, the per-case terms are formed with the
 * case axis as batch axis, squared, and summed.
 */
import type { Equation, Program, Tensor, Value } from '@hessian-free/tensor'
import {
  ArgumentError,
  applyPrimitive,
  dotGeneral,
  negate,
  traceClosed,
  transpose,
  zerosLike,
} from '@hessian-free/tensor'
import type { CaseAxis } from './caseAxis.ts'
import { caseAxisOf } from './caseAxis.ts'

/**
 * @param program its outputs are sums over the cases of a batch; without `call`.
 * @param caseInputs positions of the inputs that have the cases along their first axis.
 * @returns a program with the same inputs whose outputs are the sums of squares.
 * @throws {ArgumentError} if cases interact (batch statistics) or an output is no sum over cases.
 */
export function perCaseSquares(program: Program, caseInputs: readonly number[]): Program {
  const producers = new Map<Value, Equation>()
  const axes = new Map<Value, CaseAxis>()
  program.inputs.forEach((value, i) => axes.set(value, caseInputs.includes(i) ? 0 : 'none'))
  const axisOf = (value: Value): CaseAxis => axes.get(value) ?? 'none'
  for (const equation of program.equations) {
    const axis = caseAxisOf(equation, axisOf)
    if (axis === undefined) throw interacting(equation)
    for (const output of equation.outputs) {
      axes.set(output, axis)
      producers.set(output, equation)
    }
  }

  return traceClosed(`${program.name}Squares`, program.inputs, (inputs) => {
    const tensors = new Map<Value, Tensor>()
    program.inputs.forEach((value, i) => tensors.set(value, inputs[i]))
    const tensorOf = (value: Value): Tensor => tensors.get(value) as Tensor
    for (const equation of program.equations) {
      const results = applyPrimitive(equation.primitive, equation.inputs.map(tensorOf), equation.parameters)
      equation.outputs.forEach((value, i) => tensors.set(value, results[i]))
    }
    const context: Context = { tensorOf, axisOf, producerOf: (value) => producers.get(value) }
    return program.outputs.map((output) => squares(output, context))
  })
}

interface Context {
  readonly tensorOf: (value: Value) => Tensor
  readonly axisOf: (value: Value) => CaseAxis
  readonly producerOf: (value: Value) => Equation | undefined
}

/** Σ_i (term_i)² of a value that is Σ_i term_i. */
function squares(value: Value, context: Context): Tensor {
  const { tensorOf, axisOf, producerOf } = context
  const equation = producerOf(value)
  if (axisOf(value) === 'none') return zerosLike(tensorOf(value))
  if (equation?.primitive === 'negate') return squares(equation.inputs[0], context)
  if (equation?.primitive === 'reshape') return squares(equation.inputs[0], context).reshape(value.shape)
  if (equation?.primitive === 'transpose') {
    return transpose(squares(equation.inputs[0], context), equation.parameters.permutation)
  }
  if (
    equation?.primitive === 'reduceSum' &&
    equation.parameters.axes.length === 1 &&
    typeof axisOf(equation.inputs[0]) === 'number'
  ) {
    return tensorOf(equation.inputs[0]).square().sum(equation.parameters.axes)
  }
  if (
    equation?.primitive === 'dot' &&
    equation.inputs.length === 2 &&
    equation.parameters.lhsContract.length === 1
  ) {
    const [lhs, rhs] = equation.inputs
    if (typeof axisOf(lhs) === 'number' && typeof axisOf(rhs) === 'number') {
      return dotGeneral(tensorOf(lhs).square(), tensorOf(rhs).square(), equation.parameters)
    }
  }
  return terms(value, context).square().sum(0)
}

/** [cases, …value.shape]: the terms whose sum over cases is the value. */
function terms(value: Value, context: Context): Tensor {
  const { tensorOf, axisOf, producerOf } = context
  const equation = producerOf(value)
  switch (equation?.primitive) {
    case 'negate':
      return negate(terms(equation.inputs[0], context))
    case 'add':
      return terms(equation.inputs[0], context).add(terms(equation.inputs[1], context))
    case 'subtract':
      return terms(equation.inputs[0], context).subtract(terms(equation.inputs[1], context))
    case 'reshape': {
      const inner = terms(equation.inputs[0], context)
      return inner.reshape([inner.shape[0], ...value.shape])
    }
    case 'transpose':
      return transpose(terms(equation.inputs[0], context), [
        0,
        ...equation.parameters.permutation.map((axis) => axis + 1),
      ])
    case 'multiply': {
      const [a, b] = equation.inputs
      const scaled = axisOf(a) === 'summed' ? a : b
      return terms(scaled, context).multiply(tensorOf(scaled === a ? b : a))
    }
    case 'reduceSum': {
      const [operand] = equation.inputs
      const axis = axisOf(operand)
      const over = equation.parameters.axes
      if (typeof axis !== 'number') return terms(operand, context).sum(over.map((reduced) => reduced + 1))
      const others = over.filter((reduced) => reduced !== axis)
      const first = [axis, ...operand.shape.map((_, a) => a).filter((a) => a !== axis)]
      const summed = others.map((reduced) => first.indexOf(reduced))
      const moved = transpose(tensorOf(operand), first)
      return summed.length === 0 ? moved : moved.sum(summed)
    }
    case 'dot': {
      const [lhs, rhs, accumulator] = equation.inputs
      const { lhsBatch, lhsContract, rhsContract } = equation.parameters
      const at = lhsContract.indexOf(axisOf(lhs) as number)
      if (at < 0 || lhsBatch.length > 0) break
      const product = dotGeneral(tensorOf(lhs), tensorOf(rhs), {
        lhsBatch: [lhsContract[at]],
        rhsBatch: [rhsContract[at]],
        lhsContract: lhsContract.filter((_, i) => i !== at),
        rhsContract: rhsContract.filter((_, i) => i !== at),
      })
      return accumulator === undefined ? product : product.add(terms(accumulator, context))
    }
    default:
  }
  throw new ArgumentError({
    operation: 'perCaseSquares',
    rule: 'a gradient must be made of sums over cases by products and sums',
    found: `a sum over cases made by ${equation?.primitive ?? 'an input'}`,
    remedy: 'Use the L-BFGS preconditioner, which needs no per-case gradients',
  })
}

const interacting = (equation: Equation): ArgumentError =>
  new ArgumentError({
    operation: 'perCaseSquares',
    rule: 'the loss of a case must not depend on the other cases',
    found: `cases that meet in ${equation.primitive}`,
    remedy: 'Use the L-BFGS preconditioner, which needs no per-case gradients',
  })
