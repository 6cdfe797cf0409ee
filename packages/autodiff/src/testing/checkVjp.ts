/**
 * Is reverse mode right, given that forward mode is? The adjoint identity ⟨u, ∂f(x) v⟩ = ⟨∂f(x)ᵀ u, v⟩ holds for all
 * u and v, exactly but for rounding.
 */
import { linearize } from '../linearize.ts'
import { inner, norm, requireAgreement } from './agreement.ts'
import type { Description } from './description.ts'
import { sizeOfTree, treeWith } from './hostTree.ts'
import type { CheckOptions } from './randomCheck.ts'
import { checkAtRandom, exactTolerance } from './randomCheck.ts'

/**
 * Checks the transposed derivative of `f` in its first argument at random points.
 * @param args what the arguments look like.
 * @param options `tolerance` is by default 1e-12, in float32 1e-4.
 * @returns a promise to wait for: a test must return it or await it.
 * @throws {CheckError} (a rejection) naming the identity, the relative error and the seed.
 */
export function checkVjp<Args extends readonly [unknown, ...unknown[]]>(
  f: (...args: Args) => unknown,
  args: Description<Args>,
  options: CheckOptions = {},
): Promise<void> {
  return checkAtRandom<Args, 'pushed' | 'pulled'>(
    'checkVjp',
    args,
    options,
    (_, directions) =>
      ([first, ...rest]) => {
        const { value, apply, transpose } = linearize((x: unknown) =>
          f(...([x, ...rest] as unknown as Args)),
        )(first)
        const v = directions(sizeOfTree(first))
        const u = directions(sizeOfTree(value))
        return {
          results: { pushed: apply(treeWith(first, v)), pulled: transpose(treeWith(value, u)) },
          judge: ({ pushed, pulled }) =>
            requireAgreement([inner(u, pushed)], [inner(pulled, v)], {
              check: 'checkVjp',
              identity: 'the transpose must satisfy ⟨u, Jv⟩ = ⟨Jᵀu, v⟩',
              tolerance: exactTolerance(options),
              scale: norm(u) * norm(pushed) + norm(pulled) * norm(v),
              remedy: 'Look at the transposes that f defines with customLinear or customVjp',
            }),
        }
      },
  )
}
