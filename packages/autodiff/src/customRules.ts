/**
 * Functions with derivatives of the user's own, recorded as a `call` that carries the rule; passes inline the call once
 * differentiation is over. `customJvp` gives the forward rule, from which reverse mode follows by transposition;
 * `customLinear` gives a linear function its own transpose; `customVjp` is one inside the other.
 */
import type { DerivativeRule, Tensor, TransposeRule } from '@hessian-free/tensor'
import { ArgumentError, applyPrimitive, applyProgram, currentTrace, traceClosed } from '@hessian-free/tensor'
import { jvpProgram } from './jvpProgram.ts'
import type { Tangent } from './rules/jvpRule.ts'
import { sumOf } from './rules/jvpRule.ts'

type TensorFunction = (...operands: Tensor[]) => Tensor

/** Records or runs `f` as one call; it may use no tensor but its operands. */
function call(
  operation: string,
  f: TensorFunction,
  operands: readonly Tensor[],
  rules: { readonly derivative?: DerivativeRule; readonly transpose?: TransposeRule },
): Tensor {
  if (operands.length === 0) {
    throw new ArgumentError({ operation, rule: 'the function must take at least one tensor', found: 'none' })
  }
  if (currentTrace() === undefined) return f(...operands)
  const program = traceClosed(f.name === '' ? operation : f.name, operands, (inputs) => [f(...inputs)])
  return applyPrimitive('call', operands, { program, ...rules })[0]
}

/**
 * `f` with its own forward rule.
 * @param rule given operands, tangents (undefined = zero) and the result, the tangent of the result (undefined = zero);
 *   linear in the tangents.
 */
export const customJvp =
  (
    f: TensorFunction,
    rule: (
      operands: readonly Tensor[],
      tangents: readonly (Tensor | undefined)[],
      result: Tensor,
    ) => Tensor | undefined,
  ): TensorFunction =>
  (...operands) =>
    call('customJvp', f, operands, {
      derivative: (primals, tangents, [result]) => [rule(primals, tangents, result)],
    })

/** ∂f/∂r dr for the operands r after the first, by differentiating `f` itself. */
function residualTangent(
  f: TensorFunction,
  primals: readonly Tensor[],
  tangents: readonly Tangent[],
): Tangent {
  const given = tangents.filter((tangent) => tangent !== undefined)
  if (given.length === 0) return undefined
  const program = traceClosed('customLinear', primals, (inputs) => [f(...inputs)])
  const active = [false, ...tangents.map((tangent) => tangent !== undefined)]
  return applyProgram('customLinear', jvpProgram(program, active).program, [...primals, ...given]).at(1)
}

/**
 * A function linear in its first operand, with its own transpose. In its other operands it is differentiated as it is
 * written.
 * @param transpose given the other operands and the cotangent of the result, the cotangent of the first operand.
 */
export const customLinear = (
  f: (linear: Tensor, ...residuals: Tensor[]) => Tensor,
  transpose: (cotangent: Tensor, ...residuals: Tensor[]) => Tensor,
): ((linear: Tensor, ...residuals: Tensor[]) => Tensor) => {
  const apply = (linear: Tensor, ...residuals: Tensor[]): Tensor =>
    call('customLinear', f, [linear, ...residuals], {
      // Linear in the first operand, so its derivative there is the function itself.
      derivative: (primals, [tangent, ...others]) => [
        sumOf(tangent && apply(tangent, ...primals.slice(1)), residualTangent(f, primals, others)),
      ],
      transpose: ([, ...known], [cotangent]) => [
        cotangent && customLinear(transpose, f)(cotangent, ...(known as readonly Tensor[])),
      ],
    })
  return apply
}

/**
 * `f` of one operand with its own reverse rule.
 * @param pullback given the operand and the cotangent of the result, the cotangent of the operand; linear in the latter.
 * @param pushforward the same map forwards, for forward mode: given the operand and its tangent, the result's tangent.
 */
export const customVjp = (
  f: (x: Tensor) => Tensor,
  pullback: (x: Tensor, cotangent: Tensor) => Tensor,
  pushforward: (x: Tensor, tangent: Tensor) => Tensor,
): ((x: Tensor) => Tensor) => {
  const linearMap = customLinear(
    (tangent, x) => pushforward(x, tangent),
    (cotangent, x) => pullback(x, cotangent),
  )
  return customJvp(f, ([x], [tangent]) => tangent && linearMap(tangent, x))
}
