/**
 * Arithmetic, comparison, logic and selection, element by element. Shapes broadcast by NumPy's rule; dtypes
 * must agree (nothing is converted silently); a number takes the dtype of the tensor beside it.
 */
import type { Tensor, TensorLike } from '../tensor.ts'
import { broadcasting } from './lift.ts'

/** a + b. Integers wrap. */
export const add = (a: TensorLike, b: TensorLike): Tensor => broadcasting('add', [a, b])
/** a − b. */
export const subtract = (a: TensorLike, b: TensorLike): Tensor => broadcasting('subtract', [a, b])
/** a · b, element by element. */
export const multiply = (a: TensorLike, b: TensorLike): Tensor => broadcasting('multiply', [a, b])
/** a / b; integers truncate towards zero and x / 0 = 0. */
export const divide = (a: TensorLike, b: TensorLike): Tensor => broadcasting('divide', [a, b])
/** a to the power b, for floats, with the special cases of `Math.pow`. */
export const power = (a: TensorLike, b: TensorLike): Tensor => broadcasting('power', [a, b])
/** The larger; NaN if either is. The derivative is shared equally at a tie. */
export const maximum = (a: TensorLike, b: TensorLike): Tensor => broadcasting('maximum', [a, b])
/** The smaller; NaN if either is. */
export const minimum = (a: TensorLike, b: TensorLike): Tensor => broadcasting('minimum', [a, b])
/** a = b → bool. */
export const equal = (a: TensorLike, b: TensorLike): Tensor => broadcasting('equal', [a, b])
/** a < b → bool. */
export const less = (a: TensorLike, b: TensorLike): Tensor => broadcasting('less', [a, b])
/** a ≤ b → bool. */
export const lessEqual = (a: TensorLike, b: TensorLike): Tensor => broadcasting('lessEqual', [a, b])
/** a > b → bool. */
export const greater = (a: TensorLike, b: TensorLike): Tensor => broadcasting('less', [b, a])
/** a ≥ b → bool. */
export const greaterEqual = (a: TensorLike, b: TensorLike): Tensor => broadcasting('lessEqual', [b, a])
/** a ∧ b for bool. */
export const and = (a: Tensor, b: Tensor): Tensor => broadcasting('and', [a, b])
/** a ∨ b for bool. */
export const or = (a: Tensor, b: Tensor): Tensor => broadcasting('or', [a, b])
/** `whenTrue` where the condition holds, else `whenFalse`; all three broadcast. */
export const select = (condition: Tensor, whenTrue: TensorLike, whenFalse: TensorLike): Tensor =>
  broadcasting('select', [condition, whenTrue, whenFalse], 1)
