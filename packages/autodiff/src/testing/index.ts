/**
 * @hessian-free/autodiff/testing: property tests for users' own models, losses and derivative rules. Each check tries
 * random points, in float64 unless told otherwise, on any backend, and returns a promise, which a test must return or
 * await; it rejects with a `CheckError` that names the identity that failed, the relative error and the seed. Works in
 * any test runner. Needs the peer dependency fast-check.
 *
 *   checkJvp(f, [floats([3, 2])])                       forward mode against central differences
 *   checkVjp(f, [floats([3, 2])])                       ⟨u, Jv⟩ = ⟨Jᵀu, v⟩
 *   checkHessianVectorProduct(f, [floats([4])])         Hv against differences of the gradient, symmetric
 *   checkGaussNewton(model, loss, { parameters: { w: floats([3, 2]) }, inputs: floats([5, 3]), targets: … })
 *                                                       Gv = Jᵀ(H(Jv)) explicitly, symmetric, linear, semi-definite
 */
export { checkJvp } from './checkJvp.ts'
export { checkVjp } from './checkVjp.ts'
export { checkHessianVectorProduct } from './checkHessianVectorProduct.ts'
export { checkGaussNewton } from './checkGaussNewton.ts'
export type { GaussNewtonCheckOptions, GaussNewtonPoint, Model } from './checkGaussNewton.ts'
export { CheckError } from './agreement.ts'
export type { CheckOptions } from './randomCheck.ts'
export { floats, indices } from './description.ts'
export type { Description } from './description.ts'
export type { HostTree } from './hostTree.ts'
export {
  activations,
  dense,
  derivedLoss,
  logisticLoss,
  losses,
  randomNetworks,
  softmaxLoss,
  squaredLoss,
} from './networks.ts'
export type { ActivationName, Layer, NamedLoss, NetworkOptions, RandomNetwork } from './networks.ts'
