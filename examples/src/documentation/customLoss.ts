import { checkGaussNewton, floats } from '@hessian-free/autodiff/testing'
import { softplus, tanh } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'

// A robust loss of one's own, log cosh(z − t), written without overflow …
const logCosh = {
  value: (z: Tensor, t: Tensor) => {
    const d = z.subtract(t)
    return softplus(d.multiply(-2)).add(d).sum()
  },
  // … and the curvature it claims to have, 1 − tanh².
  hessianProduct: (z: Tensor, t: Tensor, u: Tensor) => u.subtract(tanh(z.subtract(t)).square().multiply(u)),
}
const model = (p: { w: Tensor; b: Tensor }, x: Tensor): Tensor => tanh(x.dot(p.w).add(p.b))

/** Rejects, with the identity that failed and a seed to see it again, unless Gv = JᵀHJv, symmetric, semi-definite. */
export const checkMyLoss = (): Promise<void> =>
  checkGaussNewton(
    model,
    logCosh,
    { parameters: { w: floats([3, 2]), b: floats([2]) }, inputs: floats([4, 3]), targets: floats([4, 2]) },
    { runs: 20 },
  )
