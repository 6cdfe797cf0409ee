/**
 * When two results count as equal: ‖a − b‖ ≤ tolerance · scale, where the scale is the size of what was added up
 * on the way, so that cancellation is not blamed on the derivative. A disagreement is an error that names the
 * identity, not the numbers.
 */
import { TensorError } from '@hessian-free/tensor'

/** An identity of derivatives that does not hold; the message says which, by how much, and how to see it again. */
export class CheckError extends TensorError {}

export const inner = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0)

export const norm = (a: readonly number[]): number => Math.sqrt(inner(a, a))

/** a + factor · b. */
export const plus = (a: readonly number[], factor: number, b: readonly number[]): number[] =>
  a.map((value, i) => value + factor * b[i])

export interface Agreement {
  /** The check that is running. */
  readonly check: string
  /** The identity, as a full clause. */
  readonly identity: string
  readonly tolerance: number
  /** Default: the larger of the two norms. */
  readonly scale?: number
  /** What to look at when it fails. */
  readonly remedy?: string
}

/** @throws {CheckError} unless a and b agree. */
export function requireAgreement(
  a: readonly number[],
  b: readonly number[],
  { check, identity, tolerance, scale = Math.max(norm(a), norm(b)), remedy }: Agreement,
): void {
  const distance = norm(plus(a, -1, b))
  if (a.length === b.length && distance <= tolerance * scale) return
  throw new CheckError({
    operation: check,
    rule: identity,
    found:
      a.length === b.length
        ? `relative error ${(distance / scale).toExponential(1)}, more than the tolerance ${tolerance.toExponential(0)}`
        : `${a.length} and ${b.length} elements`,
    ...(remedy === undefined ? {} : { remedy }),
  })
}
