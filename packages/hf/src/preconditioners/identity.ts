/**
 * The identity, M = I: plain conjugate gradients. `isIdentity` lets the solver skip it altogether; `apply` copies,
 * because what a preconditioner returns belongs to the caller.
 */
import { jit } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { Preconditioner } from './preconditioner.ts'

/** M = I. */
export function identityPreconditioner(): Preconditioner & { dispose(): void } {
  const copy = jit((residual: Tensor) => residual, { name: 'identityPreconditioner' })
  return { name: 'identity', isIdentity: true, apply: copy, dispose: () => copy.dispose() }
}
