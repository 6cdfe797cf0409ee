/**
 * Martens' diagonal preconditioner:
 *   M = (diag(d) + λ I)^ξ,   ξ = 3/4,   d = mean over cases of g ∘ g
 * Source: Martens 2010, §4.7, and his code, which takes the mean where the paper writes the sum and adds the
 * weight decay to λ. ξ < 1 is his heuristic: it keeps the preconditioner from trusting the estimate too much.
 * Here d is any given non-negative vector (squared gradients, or an estimate of diag(G) as in Chapelle & Erhan
 * 2011), and λ includes whatever the caller adds to it.
 */
import { ArgumentError, ShapeError, formatShape, jit, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { Preconditioner } from './preconditioner.ts'

export interface DiagonalPreconditionerOptions {
  /** λ added to every element before the power, in units of `diagonal`; the weight decay belongs to it. */
  readonly damping: number
  /** ξ in (0, 1]; default 0.75. */
  readonly exponent?: number
}

export interface DiagonalPreconditioner extends Preconditioner {
  readonly name: 'diagonal'
  /** Frees the stored inverse; `apply` may not be called afterwards. */
  dispose(): void
}

const invert = jit(
  (diagonal: Tensor, damping: Tensor, exponent: Tensor) => diagonal.add(damping).power(exponent.negate()),
  { name: 'invertDiagonal' },
)
const scale = jit((residual: Tensor, inverse: Tensor) => residual.multiply(inverse), {
  name: 'diagonalPreconditioner',
})

/**
 * M = (diag(d) + λ I)^ξ. The inverse is computed once; an application is one multiplication.
 *
 * @param diagonal d ≥ 0, a flat vector; read once and left to the caller.
 * @throws {ShapeError} unless `diagonal` is a vector.
 * @throws {ArgumentError} for a negative or infinite damping, or an exponent outside (0, 1].
 */
export function diagonalPreconditioner(
  diagonal: Tensor,
  options: DiagonalPreconditionerOptions,
): DiagonalPreconditioner {
  const { damping, exponent = 0.75 } = options
  if (diagonal.rank !== 1) {
    throw new ShapeError({
      operation: 'diagonalPreconditioner',
      rule: 'the diagonal must be a flat vector',
      found: formatShape(diagonal.shape),
    })
  }
  if (!(damping >= 0 && Number.isFinite(damping)) || !(exponent > 0 && exponent <= 1)) {
    throw new ArgumentError({
      operation: 'diagonalPreconditioner',
      rule: 'needs a finite damping ≥ 0 and an exponent in (0, 1]',
      found: `damping ${damping}, exponent ${exponent}`,
    })
  }
  const like = { dtype: diagonal.dtype, backend: diagonal.backend }
  using dampingScalar = tensor(damping, like)
  using exponentScalar = tensor(exponent, like)
  const inverse = invert(diagonal, dampingScalar, exponentScalar)
  return {
    name: 'diagonal',
    apply: (residual) => scale(residual, inverse),
    dispose: () => inverse.dispose(),
  }
}
