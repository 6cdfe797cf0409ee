/**
 * The difference between linear and affine: A x + c has no transpose unless c = 0. An operand that is added to a linear
 * one must be linear itself or zero by construction (zeros that stand beside a tangent, as in a select or a
 * concatenation); anything else comes from a derivative rule that is not linear in its tangents.
 */
import type { Equation, PrimitiveName, Value } from '@hessian-free/tensor'
import { failNotLinear } from './transposeRule.ts'

/** The operands that enter the result by addition, for the primitives that add. */
const addends: { readonly [P in PrimitiveName]?: (position: number) => boolean } = {
  add: () => true,
  subtract: () => true,
  concatenate: () => true,
  select: (position) => position > 0,
  scatterAdd: (position) => position !== 1,
}

const movements: ReadonlySet<PrimitiveName> = new Set<PrimitiveName>([
  'negate',
  'convert',
  'reshape',
  'transpose',
  'broadcast',
  'slice',
  'pad',
  'gather',
  'reduceSum',
])

/** True if the result of an equation is zero by construction, given which values are. */
export function isZeroByConstruction(equation: Equation, zeros: ReadonlySet<Value>): boolean {
  const { primitive, inputs } = equation
  const isZero = (value: Value): boolean => zeros.has(value)
  if (primitive === 'fill') return equation.parameters.value === 0
  if (primitive === 'multiply') return inputs.some(isZero)
  if (primitive === 'dot') return inputs.slice(0, 2).some(isZero) && inputs.slice(2).every(isZero)
  const isAddend = addends[primitive]
  if (isAddend !== undefined) return inputs.every((value, i) => !isAddend(i) || isZero(value))
  return movements.has(primitive) && isZero(inputs[0])
}

/** @throws {ArgumentError} if the equation adds a constant to a linear operand. */
export function requireNoConstantTerm(
  { primitive, inputs }: Equation,
  isLinear: (value: Value) => boolean,
  isZero: (value: Value) => boolean,
): void {
  const vanishes = (value: Value): boolean => isLinear(value) || isZero(value)
  const isAddend = addends[primitive]
  const holds =
    primitive === 'dot'
      ? inputs.slice(2).every(vanishes) &&
        (inputs.slice(0, 2).some(isLinear) || inputs.slice(0, 2).some(isZero))
      : isAddend === undefined || inputs.every((value, i) => !isAddend(i) || vanishes(value))
  if (!holds) failNotLinear(`${primitive} of a linear operand and a constant, which is affine`)
}
