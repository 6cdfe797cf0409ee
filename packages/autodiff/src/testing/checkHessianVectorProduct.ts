/**
 * Are Hessian products right? H v against central differences of the gradient, and symmetric; the gradient itself
 * against central differences of f.
 */
import type { Tensor } from '@hessian-free/tensor'
import { grad } from '../grad.ts'
import { hessianVectorProduct } from '../hessianVectorProduct.ts'
import { inner, norm, requireAgreement } from './agreement.ts'
import { centralDifference, differenceTolerance } from './centralDifference.ts'
import type { Description } from './description.ts'
import { elementsOf, onElements, treeWith } from './hostTree.ts'
import type { CheckOptions } from './randomCheck.ts'
import { checkAtRandom, exactTolerance, passOverUnless } from './randomCheck.ts'

const check = 'checkHessianVectorProduct'

/**
 * Checks gradient and Hessian of a scalar `f` in its first argument at random points.
 * @param args what the arguments look like.
 * @param options `tolerance` is that of symmetry, by default 1e-12, in float32 1e-4.
 * @returns a promise to wait for: a test must return it or await it.
 * @throws {CheckError} (a rejection) naming the identity, the relative error and the seed.
 */
export function checkHessianVectorProduct<Args extends readonly [unknown, ...unknown[]]>(
  f: (...args: Args) => Tensor,
  args: Description<Args>,
  options: CheckOptions = {},
): Promise<void> {
  return checkAtRandom<Args, 'slopes' | 'hu' | 'hv'>(check, args, options, ([first, ...rest], directions) => {
    const scalar = (x: unknown): Tensor => f(...([x, ...rest] as unknown as Args))
    const x = elementsOf(first)
    const [u, v] = [directions(x.length), directions(x.length)]
    const slope = centralDifference(onElements(scalar, first), x, v)
    const bend = centralDifference(onElements(grad(scalar), first), x, v)
    passOverUnless(slope.isSmooth && bend.isSmooth)

    return ([testedFirst, ...testedRest], tested) => {
      const differenceBound = tested.supports('float64') ? differenceTolerance : 1e-4
      const { gradient, apply } = hessianVectorProduct((y: unknown) =>
        f(...([y, ...testedRest] as unknown as Args)),
      ).at(testedFirst)
      const product = (direction: readonly number[]): unknown => apply(treeWith(testedFirst, direction))
      return {
        results: { slopes: gradient, hu: product(u), hv: product(v) },
        judge: ({ slopes, hu, hv }) => {
          requireAgreement([inner(slopes, v)], slope.derivative, {
            check,
            identity: 'the gradient must satisfy ⟨∇f, v⟩ = (f(x + hv) − f(x − hv)) / 2h',
            tolerance: differenceBound,
            scale: Math.max(slope.scale, norm(slopes) * norm(v)),
          })
          requireAgreement(hv, bend.derivative, {
            check,
            identity: 'Hv must equal the central difference (∇f(x + hv) − ∇f(x − hv)) / 2h',
            tolerance: differenceBound,
            scale: Math.max(bend.scale, norm(hv)),
          })
          requireAgreement([inner(u, hv)], [inner(v, hu)], {
            check,
            identity: 'the Hessian must be symmetric, ⟨u, Hv⟩ = ⟨Hu, v⟩',
            tolerance: exactTolerance(options),
            scale: norm(u) * norm(hv) + norm(hu) * norm(v),
          })
        },
      }
    }
  })
}
