/**
 * Reductions over axes (all of them by default), and the stable log-sum-exp and softmax built from them:
 *   logSumExp(x) = m + log Σ exp(x − m),  m = max x  (m carries no derivative: it cancels).
 */
import { isFloat } from '../dtype.ts'
import { DtypeError } from '../errors.ts'
import { applyPrimitive, operation } from '../execution.ts'
import { keepingAxes, normalizeAxes, normalizeAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { add, divide, subtract } from './arithmetic.ts'
import { exp, log, stopGradient } from './elementary.ts'
import { reshape } from './movement.ts'

export interface ReductionOptions {
  /** Keep the reduced axes with extent 1. */
  readonly keepAxes?: boolean
}

type Axes = number | readonly number[] | undefined

const reduce = (
  name: string,
  x: Tensor,
  axes: Axes,
  options: ReductionOptions,
  body: (x: Tensor, axes: readonly number[]) => Tensor,
): Tensor => {
  const normalized = normalizeAxes(name, axes, x.rank)
  const keep = options.keepAxes === true
  return operation(name, `${normalized.join(',')} ${keep}`, [x], ([y]) => {
    const reduced = body(y, normalized)
    return keep ? reshape(reduced, keepingAxes(y.shape, normalized)) : reduced
  })
}

/** Sum over axes. Accumulated in blocks of fixed shape, so the result does not depend on threads. */
export const sum = (x: Tensor, axes?: Axes, options: ReductionOptions = {}): Tensor =>
  reduce('sum', x, axes, options, (y, over) => applyPrimitive('reduceSum', [y], { axes: over })[0])

/** Mean over axes, for floats. @throws {DtypeError} for integers. */
export function mean(x: Tensor, axes?: Axes, options: ReductionOptions = {}): Tensor {
  if (!isFloat(x.dtype)) {
    throw new DtypeError({
      operation: 'mean',
      rule: 'the operand must be of a float dtype',
      found: x.dtype,
      remedy: 'Convert it with convert(x, dtype)',
    })
  }
  return reduce('mean', x, axes, options, (y, over) => {
    const total = applyPrimitive('reduceSum', [y], { axes: over })[0]
    return divide(total, y.size / total.size)
  })
}

/** Largest over axes; NaN if any is. The derivative is shared equally among equals. */
export const max = (x: Tensor, axes?: Axes, options: ReductionOptions = {}): Tensor =>
  reduce('max', x, axes, options, (y, over) => applyPrimitive('reduceMax', [y], { axes: over })[0])

/** Position of the largest along an axis, int32; the first of equals. */
export const argMax = (x: Tensor, axis = -1): Tensor =>
  applyPrimitive('argMax', [x], { axis: normalizeAxis('argMax', axis, x.rank) })[0]

/** log Σ eˣ over axes, without overflow. */
export const logSumExp = (x: Tensor, axes?: Axes, options: ReductionOptions = {}): Tensor =>
  reduce('logSumExp', x, axes, options, (y, over) => {
    const largest = stopGradient(max(y, over, { keepAxes: true }))
    const total = sum(exp(subtract(y, largest)), over)
    return add(log(total), reshape(largest, total.shape))
  })

/** eˣ / Σ eˣ along an axis. */
export const softmax = (x: Tensor, axis = -1): Tensor =>
  operation('softmax', String(axis), [x], ([y]) => {
    const weights = exp(subtract(y, stopGradient(max(y, axis, { keepAxes: true }))))
    return divide(weights, sum(weights, axis, { keepAxes: true }))
  })

/** x − log Σ eˣ along an axis. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor =>
  operation('logSoftmax', String(axis), [x], ([y]) => subtract(y, logSumExp(y, axis, { keepAxes: true })))
