/**
 * A curvature pair of one conjugate gradient iteration,
 *   s = α p,     y = α A p = A s,
 * which costs nothing: the iteration has both vectors. Source: Morales & Nocedal 2000, §2. y is αAp and not the
 * difference of residuals, which loses digits to cancellation.
 */
import type { Tensor } from '@hessian-free/tensor'

export interface CurvaturePair {
  /** Iteration the pair comes from, counted from 1. */
  readonly iteration: number
  readonly s: Tensor
  readonly y: Tensor
}

export const disposePair = ({ s, y }: CurvaturePair): void => {
  s.dispose()
  y.dispose()
}
