/**
 * The closed set of primitives and the parameters of each. Everything else (softmax, layers, losses) is an
 * ordinary function over these. Every table of rules is typed `{ [P in PrimitiveName]: Rule<P> }`, so the
 * compiler names the rule that a new primitive lacks.
 *
 * Differs from XLA's set in `dot`, which takes an optional accumulator (`acc + a·b`) so that sums of products
 * stay products under differentiation, and in `call`, which carries a user's own derivative rule.
 */
import type { Dtype } from '../dtype.ts'
import type { Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Program } from './program.ts'

/** A primitive whose result is fixed by its operands alone. */
export type NoParameters = Readonly<Record<string, never>>
export const noParameters: NoParameters = {}

/** Axes of `dot`: batch axes pair up, contracted axes pair up, the others are free. */
export interface DotAxes {
  readonly lhsBatch: readonly number[]
  readonly rhsBatch: readonly number[]
  readonly lhsContract: readonly number[]
  readonly rhsContract: readonly number[]
}

/**
 * Forward-mode rule of a `call`: given the primal inputs, the tangents (undefined = zero) and the primal
 * outputs, the tangents of the outputs (undefined = zero). Must be linear in the tangents.
 */
export type DerivativeRule = (
  primals: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
  outputs: readonly Tensor[],
) => readonly (Tensor | undefined)[]

/**
 * Transposition rule of a `call` that is linear in some inputs: given the residual inputs (undefined where
 * the input is linear) and the cotangents of the outputs, the cotangents of the linear inputs.
 */
export type TransposeRule = (
  residuals: readonly (Tensor | undefined)[],
  cotangents: readonly (Tensor | undefined)[],
) => readonly (Tensor | undefined)[]

export interface CallParameters {
  readonly program: Program
  readonly derivative?: DerivativeRule
  readonly transpose?: TransposeRule
}

export interface PrimitiveParameters {
  // Element-wise, one operand. Floats unless noted.
  readonly negate: NoParameters // any number type
  readonly abs: NoParameters // any number type
  readonly sign: NoParameters // any number type; sign(0) = 0
  readonly floor: NoParameters
  readonly round: NoParameters // to nearest, ties to even
  readonly sqrt: NoParameters
  readonly exp: NoParameters
  readonly expm1: NoParameters
  readonly log: NoParameters
  readonly log1p: NoParameters
  readonly sin: NoParameters
  readonly cos: NoParameters
  readonly tanh: NoParameters
  readonly sigmoid: NoParameters // 1 / (1 + exp(-x))
  readonly softplus: NoParameters // log(1 + exp(x)), without overflow
  readonly not: NoParameters // bool
  readonly stopGradient: NoParameters // identity whose derivative is zero
  // Element-wise, two operands of equal shape and dtype.
  readonly add: NoParameters // integers wrap
  readonly subtract: NoParameters
  readonly multiply: NoParameters
  readonly divide: NoParameters // integers truncate towards zero; x / 0 = 0 for integers
  readonly power: NoParameters // floats
  readonly maximum: NoParameters // NaN if either is
  readonly minimum: NoParameters
  readonly equal: NoParameters // → bool
  readonly less: NoParameters // → bool
  readonly lessEqual: NoParameters // → bool
  readonly and: NoParameters // bool
  readonly or: NoParameters // bool
  // Element-wise, other.
  readonly select: NoParameters // (condition: bool, whenTrue, whenFalse)
  readonly convert: { readonly dtype: Dtype } // float → integer truncates and saturates, NaN → 0; → bool is x ≠ 0
  // Sources.
  readonly fill: { readonly shape: Shape; readonly dtype: Dtype; readonly value: number }
  readonly iota: { readonly shape: Shape; readonly dtype: Dtype; readonly axis: number } // index along axis
  readonly randomBits: { readonly shape: Shape } // (key: uint32[2]) → uint32[shape], Threefry-2x32
  // Movement.
  readonly reshape: { readonly shape: Shape }
  readonly transpose: { readonly permutation: readonly number[] } // output axis i is input axis permutation[i]
  readonly broadcast: { readonly shape: Shape; readonly axes: readonly number[] } // input axis i becomes output axis axes[i], same extent or 1 stretched
  readonly slice: {
    readonly starts: readonly number[]
    readonly limits: readonly number[]
    readonly strides: readonly number[]
  }
  readonly pad: {
    readonly low: readonly number[]
    readonly high: readonly number[]
    readonly interior: readonly number[] // zeros between neighbours; all non-negative
  }
  readonly concatenate: { readonly axis: number } // one or more operands
  readonly gather: { readonly axis: number } // (operand, indices: int32[k]) → extent k along axis; indices clamp
  readonly scatterAdd: { readonly axis: number } // (operand, indices: int32[k], updates); out-of-range indices clamp
  // Reductions; the axes disappear.
  readonly reduceSum: { readonly axes: readonly number[] } // any number type
  readonly reduceMax: { readonly axes: readonly number[] } // any number type; NaN propagates; empty axes give -inf or the least integer
  readonly argMax: { readonly axis: number } // → int32; first of equals
  // Products: (lhs, rhs) or (lhs, rhs, accumulator). Output axes: batch, lhs free, rhs free.
  readonly dot: DotAxes // floats
  readonly call: CallParameters // any inputs, any outputs
}

export type PrimitiveName = keyof PrimitiveParameters

/** Primitives computed element by element from operands of one shape. */
export const elementwisePrimitives = [
  'negate',
  'abs',
  'sign',
  'floor',
  'round',
  'sqrt',
  'exp',
  'expm1',
  'log',
  'log1p',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'softplus',
  'not',
  'stopGradient',
  'add',
  'subtract',
  'multiply',
  'divide',
  'power',
  'maximum',
  'minimum',
  'equal',
  'less',
  'lessEqual',
  'and',
  'or',
  'select',
  'convert',
] as const satisfies readonly PrimitiveName[]

export type ElementwisePrimitive = (typeof elementwisePrimitives)[number]

const elementwise: ReadonlySet<string> = new Set(elementwisePrimitives)
export const isElementwise = (name: PrimitiveName): name is ElementwisePrimitive => elementwise.has(name)
