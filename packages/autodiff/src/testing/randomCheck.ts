/**
 * Running a check at many random points, with fast-check: a failure is shrunk to a small point and reported with the
 * seed and path that bring it back. Directions come from an integer seed of their own, so that they stay random while
 * the point is shrunk.
 */
import type { Backend } from '@hessian-free/tensor'
import { TensorError, createReferenceBackend, scope, withDefaultBackend } from '@hessian-free/tensor'
import * as fc from 'fast-check'
import { CheckError } from './agreement.ts'
import type { Description } from './description.ts'
import { arbitraryOf } from './description.ts'
import type { HostTree } from './hostTree.ts'

export interface CheckOptions {
  /** Random points to try; default 50. */
  readonly runs?: number
  /** Brings back a run that an error has reported; default new in every run. */
  readonly seed?: number
  /** Leads straight to the failing point of that run, as the error reported it. */
  readonly path?: string
  /** Relative error allowed; default what exact arithmetic in the working precision leaves. */
  readonly tolerance?: number
  /**
   * Where the derivative under test runs; default the reference backend in float64. What it is compared with is
   * always computed on that one. A backend without float64 is tested in float32.
   */
  readonly backend?: Backend
}

/** Independent numbers in [−1, 1). */
export type DirectionSource = (count: number) => number[]

/** Numbers from a linear congruential generator modulo 2³² (Knuth's constants; quality hardly matters here). */
function directionsFrom(seed: number): DirectionSource {
  let state = seed >>> 0
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  next()
  return (count) => Array.from({ length: count }, next)
}

/** The tolerance of identities that hold exactly but for rounding. */
export const exactTolerance = ({ tolerance, backend }: CheckOptions): number =>
  tolerance ?? (backend === undefined || backend.supports('float64') ? 1e-12 : 1e-4)

/** Passes over a point that says nothing about the property. */
export const passOverUnless = (says: boolean): void => fc.pre(says)

/**
 * Runs `check` at random points; all tensors it makes are freed.
 * @throws {CheckError} if an identity fails, with the seed; any other error of the user's function as it is.
 */
export function checkAtRandom<T>(
  operation: string,
  description: Description<T>,
  { runs = 50, seed, path, backend }: CheckOptions,
  check: (point: HostTree<T>, directions: DirectionSource, reference: Backend, tested: Backend) => void,
): void {
  const reference = createReferenceBackend()
  const property = fc.property(arbitraryOf(description), fc.nat(), (point, directionSeed) => {
    withDefaultBackend(reference, () =>
      scope(() => check(point, directionsFrom(directionSeed), reference, backend ?? reference)),
    )
  })
  const details = fc.check(property, {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path }),
  })
  reference.dispose()
  if (!details.failed) return
  const { errorInstance } = details
  const again = `seed: ${details.seed}${details.counterexamplePath === null ? '' : `, path: '${details.counterexamplePath}'`}`
  const how = `Run it again with { ${again} }`
  if (errorInstance instanceof CheckError) {
    const { operation: check, rule, found, remedy } = errorInstance
    throw new CheckError({
      operation: check,
      rule,
      found: `${found ?? ''} at ${fc.stringify(details.counterexample?.[0])}, after ${details.numRuns} runs`,
      remedy: remedy === undefined ? how : `${remedy}. ${how}`,
      cause: errorInstance,
    })
  }
  if (errorInstance instanceof TensorError) throw errorInstance
  throw new CheckError({
    operation,
    rule: 'the function must return at points where it can be differentiated',
    found: errorInstance instanceof Error ? errorInstance.message : 'too many points without a derivative',
    remedy: `Narrow the points, for example with floats(shape, { minimum, maximum }). ${how}`,
    cause: errorInstance,
  })
}
