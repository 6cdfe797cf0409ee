/**
 * A preconditioner of conjugate gradients: a symmetric positive definite M ≈ A whose inverse is cheap to apply,
 *   z = M⁻¹ r.
 * Convention of this project: `apply` is the inverse, as in Golub & Van Loan §11.5 ("solve M z = r").
 */
import type { Tensor } from '@hessian-free/tensor'

export interface Preconditioner {
  readonly name: string
  /** True where `apply` would return its argument unchanged: solvers then skip the call and its memory. */
  readonly isIdentity?: boolean
  /**
   * M⁻¹ r, linear in r.
   * @param residual a flat vector, only read.
   * @returns a fresh tensor that belongs to the caller, never `residual` itself.
   */
  apply(residual: Tensor): Tensor
}
