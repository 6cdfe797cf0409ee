/**
 * Elementary functions, element by element, and a few built from them. float32 results on every backend are
 * within a few units in the last place of the exact value (the bounds are in each backend's own files).
 */
import type { Dtype } from '../dtype.ts'
import { applyPrimitive, operation } from '../execution.ts'
import { noParameters } from '../program/primitive.ts'
import type { Tensor } from '../tensor.ts'

/** −x. */
export const negate = (x: Tensor): Tensor => applyPrimitive('negate', [x], noParameters)[0]
/** |x|; derivative sign(x). */
export const abs = (x: Tensor): Tensor => applyPrimitive('abs', [x], noParameters)[0]
/** −1, 0 or 1. */
export const sign = (x: Tensor): Tensor => applyPrimitive('sign', [x], noParameters)[0]
/** Largest integer not above x. */
export const floor = (x: Tensor): Tensor => applyPrimitive('floor', [x], noParameters)[0]
/** Nearest integer, ties to even. */
export const round = (x: Tensor): Tensor => applyPrimitive('round', [x], noParameters)[0]
/** √x. */
export const sqrt = (x: Tensor): Tensor => applyPrimitive('sqrt', [x], noParameters)[0]
/** eˣ. */
export const exp = (x: Tensor): Tensor => applyPrimitive('exp', [x], noParameters)[0]
/** eˣ − 1, accurate near 0. */
export const expm1 = (x: Tensor): Tensor => applyPrimitive('expm1', [x], noParameters)[0]
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => applyPrimitive('log', [x], noParameters)[0]
/** log(1 + x), accurate near 0. */
export const log1p = (x: Tensor): Tensor => applyPrimitive('log1p', [x], noParameters)[0]
/** Sine of x radians. */
export const sin = (x: Tensor): Tensor => applyPrimitive('sin', [x], noParameters)[0]
/** Cosine of x radians. */
export const cos = (x: Tensor): Tensor => applyPrimitive('cos', [x], noParameters)[0]
/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => applyPrimitive('tanh', [x], noParameters)[0]
/** Logistic function 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => applyPrimitive('sigmoid', [x], noParameters)[0]
/** log(1 + eˣ) without overflow; its derivative is the logistic function. */
export const softplus = (x: Tensor): Tensor => applyPrimitive('softplus', [x], noParameters)[0]
/** ¬x for bool. */
export const not = (x: Tensor): Tensor => applyPrimitive('not', [x], noParameters)[0]
/** x, with derivative zero. */
export const stopGradient = (x: Tensor): Tensor => applyPrimitive('stopGradient', [x], noParameters)[0]
/** x as another dtype: float → integer truncates and saturates, → bool is x ≠ 0. */
export const convert = (x: Tensor, dtype: Dtype): Tensor => applyPrimitive('convert', [x], { dtype })[0]
/** x². */
export const square = (x: Tensor): Tensor =>
  operation('square', '', [x], ([y]) => applyPrimitive('multiply', [y, y], noParameters)[0])
/** max(x, 0); derivative ½ at 0. */
export const relu = (x: Tensor): Tensor =>
  operation('relu', '', [x], ([y]) => {
    const zero = applyPrimitive('fill', [], { shape: y.shape, dtype: y.dtype, value: 0 })[0]
    return applyPrimitive('maximum', [y, zero], noParameters)[0]
  })
