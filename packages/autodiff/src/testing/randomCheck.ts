/**
 * Running a check at many random points, with fast-check: a failure is shrunk to a small point and reported with the
 * seed and path that bring it back. Directions come from an integer seed of their own, so that they stay random while
 * the point is shrunk.
 *
 * The oracle is computed at once, on the reference backend; what is under test is only enqueued on its backend, and all
 * of a point is read together, in one wait. So a device that cannot be read without waiting is tested like any other.
 */
import type { Backend } from '@hessian-free/tensor'
import { TensorError, createReferenceBackend, scope, withDefaultBackend } from '@hessian-free/tensor'
import * as fc from 'fast-check'
import { CheckError } from './agreement.ts'
import type { Description } from './description.ts'
import { arbitraryOf } from './description.ts'
import { readElements, uploadTree } from './hostTree.ts'

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
   * always computed on that one. A backend without float64 is tested in float32; it need not have `readSync`.
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

/** What a check has computed on the tested backend at one point, and what must hold of it. */
export interface Measurement<K extends string> {
  /** Trees, still to be read. */
  readonly results: Readonly<Record<K, unknown>>
  /** Takes the elements of the results. @throws {CheckError} naming the identity that fails. */
  readonly judge: (elements: Readonly<Record<K, number[]>>) => void
}

/**
 * The two halves of a check: takes the point on the reference backend, where it computes what is expected, and returns
 * what is to be measured at the same point on the tested one.
 */
export type PointCheck<T, K extends string> = (
  point: T,
  directions: DirectionSource,
) => (testedPoint: T, tested: Backend) => Measurement<K>

/**
 * Runs `check` at random points; all tensors it makes are freed.
 * @throws {CheckError} (a rejection, as all errors here) if an identity fails, with the seed; any other error of the
 * user's function as it is.
 */
export async function checkAtRandom<T, K extends string>(
  operation: string,
  description: Description<T>,
  { runs = 50, seed, path, backend }: CheckOptions,
  check: PointCheck<T, K>,
): Promise<void> {
  const reference = createReferenceBackend()
  const tested = backend ?? reference
  const property = fc.asyncProperty(
    arbitraryOf(description),
    fc.nat(),
    async (point, directionSeed): Promise<void> => {
      const { reading, judge } = scope(() => {
        const measure = withDefaultBackend(reference, () =>
          check(uploadTree<T>(point, reference), directionsFrom(directionSeed)),
        )
        return withDefaultBackend(tested, () => {
          const measurement = measure(uploadTree<T>(point, tested), tested)
          return { reading: readElements(measurement.results), judge: measurement.judge }
        })
      })
      judge(await reading)
    },
  )
  const details = await fc.check(property, {
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
