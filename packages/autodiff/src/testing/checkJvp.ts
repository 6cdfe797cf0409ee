/**
 * Is forward mode right? ∂f(x) v from `jvp` against central differences of f, in float64.
 */
import { jvp } from '../jvp.ts'
import { requireAgreement } from './agreement.ts'
import { centralDifference, differenceTolerance } from './centralDifference.ts'
import type { Description } from './description.ts'
import { elementsOf, onElements, treeWith } from './hostTree.ts'
import type { CheckOptions } from './randomCheck.ts'
import { checkAtRandom, passOverUnless } from './randomCheck.ts'

/**
 * Checks the derivative of `f` in its first argument at random points.
 * @param args what the arguments look like.
 * @param options `tolerance` is that of differences, by default 1e-6, in float32 1e-4.
 * @returns a promise to wait for: a test must return it or await it.
 * @throws {CheckError} (a rejection) naming the identity, the relative error and the seed.
 */
export function checkJvp<Args extends readonly [unknown, ...unknown[]]>(
  f: (...args: Args) => unknown,
  args: Description<Args>,
  options: CheckOptions = {},
): Promise<void> {
  return checkAtRandom<Args, 'tangent'>('checkJvp', args, options, ([first, ...rest], directions) => {
    const apply = (x: unknown): unknown => f(...([x, ...rest] as unknown as Args))
    const x = elementsOf(first)
    const v = directions(x.length)
    const difference = centralDifference(onElements(apply, first), x, v)
    passOverUnless(difference.isSmooth)

    return ([testedFirst, ...testedRest], tested) => {
      const testedApply = (y: unknown): unknown => f(...([y, ...testedRest] as unknown as Args))
      const { tangent } = jvp(testedApply)(testedFirst, treeWith(testedFirst, v))
      return {
        results: { tangent },
        judge: (found) =>
          requireAgreement(found.tangent, difference.derivative, {
            check: 'checkJvp',
            identity: 'jvp must equal the central difference (f(x + hv) − f(x − hv)) / 2h',
            tolerance: options.tolerance ?? (tested.supports('float64') ? differenceTolerance : 1e-4),
            scale: difference.scale,
            remedy: 'Look at the primitives and custom rules that f uses',
          }),
      }
    }
  })
}
