/**
 * Is the Gauss-Newton product right? Against the explicit matrix JᵀHJ, built from parts that are checked themselves:
 *   J column by column in forward mode, and again by central differences of the model's outputs;
 *   H column by column by differentiating the loss twice, and again by differences of its gradient;
 *   a closed form of H that the loss brings, against that H.
 * Then the product must equal Jᵀ(H(Jv)), be linear and symmetric, and for a convex loss positive semi-definite.
 * The matrices are dense: keep the shapes small, a few hundred parameters at most.
 */
import type { Tensor } from '@hessian-free/tensor'
import { gaussNewtonProduct } from '../gaussNewtonProduct.ts'
import { grad } from '../grad.ts'
import { linearize } from '../linearize.ts'
import type { OutputLoss } from '../outputCurvature.ts'
import { CheckError, inner, norm, plus, requireAgreement } from './agreement.ts'
import type { Difference } from './centralDifference.ts'
import { centralDifference, differenceTolerance } from './centralDifference.ts'
import type { DenseMatrix } from './denseMatrix.ts'
import { elements, magnitudes, matrixOf, times, transposeTimes } from './denseMatrix.ts'
import type { Description } from './description.ts'
import { elementsOf, onElements, treeWith } from './hostTree.ts'
import type { CheckOptions, PointCheck } from './randomCheck.ts'
import { checkAtRandom, exactTolerance, passOverUnless } from './randomCheck.ts'

/** Where a model and a loss are evaluated. */
export interface GaussNewtonPoint<P, X, T> {
  readonly parameters: P
  readonly inputs: X
  readonly targets: T
}

export interface GaussNewtonCheckOptions extends CheckOptions {
  /** Whether the loss is convex in the outputs, so that the product must be positive semi-definite; default true. */
  readonly convex?: boolean
}

export type Model<P, X, R> = (parameters: P, inputs: X) => R

const check = 'checkGaussNewton'

/** The columns of a derivative by differences; points with a kink are passed over. */
function differenceMatrix(f: (x: readonly number[]) => readonly number[], x: readonly number[]): DenseMatrix {
  const found: Difference[] = []
  matrixOf((unit) => {
    const difference = centralDifference(f, x, unit)
    found.push(difference)
    return difference.derivative
  }, x.length)
  passOverUnless(found.every(({ isSmooth }) => isSmooth))
  return found.map(({ derivative }) => derivative)
}

/** J and H at a point, each checked against differences. */
function explicitParts<P, X, T, R>(
  model: Model<P, X, R>,
  loss: OutputLoss<R, T>,
  { parameters, inputs, targets }: GaussNewtonPoint<P, X, T>,
): { jacobian: DenseMatrix; hessian: DenseMatrix } {
  const apply = (theta: P): R => model(theta, inputs)
  const theta = elementsOf(parameters)
  const linearized = linearize(apply)(parameters)
  const jacobian = matrixOf((unit) => elementsOf(linearized.apply(treeWith(parameters, unit))), theta.length)
  const outputs = linearized.value
  const z = elementsOf(outputs)
  const jacobianDifference = differenceMatrix(onElements(apply, parameters), theta)
  requireAgreement(elements(jacobian), elements(jacobianDifference), {
    check,
    identity: 'the Jacobian of the model by jvp must equal central differences of its outputs',
    tolerance: differenceTolerance,
    scale: norm(elements(jacobian)) + 1e-3 * norm(z),
  })

  const value = (y: R): Tensor => loss.value(y, targets)
  const gradient = linearize<R, readonly unknown[], R>((y) => grad(value)(y))(outputs)
  const hessian = matrixOf((unit) => elementsOf(gradient.apply(treeWith(outputs, unit))), z.length)
  const slope = differenceMatrix(onElements(value, outputs), z).flat()
  requireAgreement(elementsOf(gradient.value), slope, {
    check,
    identity: 'the gradient of the loss in the outputs must equal its central differences',
    tolerance: differenceTolerance,
    scale: norm(slope) + 1e-3 * norm(elementsOf(value(outputs))),
  })
  const bend = differenceMatrix(
    onElements((y: R) => grad(value)(y), outputs),
    z,
  )
  requireAgreement(elements(hessian), elements(bend), {
    check,
    identity: 'the Hessian of the loss in the outputs must equal central differences of its gradient',
    tolerance: differenceTolerance,
    scale: norm(elements(hessian)) + 1e-3 * norm(slope),
  })
  if (loss.hessianProduct !== undefined) {
    const closed = matrixOf((unit) => {
      const product = loss.hessianProduct?.(outputs, targets, treeWith(outputs, unit))
      return elementsOf(product)
    }, z.length)
    requireAgreement(elements(closed), elements(hessian), {
      check,
      identity: "the loss's own hessianProduct must equal the second derivative of its value",
      tolerance: 1e-9,
      scale: norm(elements(hessian)) + norm(slope),
      remedy: 'Look at factors (½, mean or sum) and at terms off the diagonal',
    })
  }
  return { jacobian, hessian }
}

/** The identities at one point. */
function gaussNewtonIdentities<P, X, T, R>(
  model: Model<P, X, R>,
  loss: OutputLoss<R, T>,
  options: GaussNewtonCheckOptions,
): PointCheck<GaussNewtonPoint<P, X, T>, 'gu' | 'gv' | 'combined'> {
  return (point, directions) => {
    const { jacobian, hessian } = explicitParts(model, loss, point)
    const count = jacobian.length
    const [u, v] = [directions(count), directions(count)]
    const combine = (a: readonly number[], b: readonly number[]): number[] =>
      plus(
        a.map((x) => 2 * x),
        -3,
        b,
      )
    const expected = transposeTimes(jacobian, times(hessian, times(jacobian, v)))
    const [absoluteJ, absoluteH] = [magnitudes(jacobian), magnitudes(hessian)]
    /** What is added up in G x, before signs cancel. */
    const size = (x: readonly number[]): number =>
      norm(transposeTimes(absoluteJ, times(absoluteH, times(absoluteJ, x.map(Math.abs)))))
    const tolerance = exactTolerance(options)

    const judge = ({ gu, gv, combined }: Record<'gu' | 'gv' | 'combined', number[]>): void => {
      requireAgreement(gv, expected, {
        check,
        identity: 'the product must equal Jᵀ(H(Jv)) with the explicit Jacobian and output Hessian',
        tolerance,
        scale: size(v),
      })
      requireAgreement([inner(u, gv)], [inner(gu, v)], {
        check,
        identity: 'the product must be symmetric, ⟨u, Gv⟩ = ⟨Gu, v⟩',
        tolerance,
        scale: norm(u) * size(v) + norm(v) * size(u),
      })
      requireAgreement(combined, combine(gu, gv), {
        check,
        identity: 'the product must be linear, G(2u − 3v) = 2Gu − 3Gv',
        tolerance,
        scale: 2 * size(u) + 3 * size(v),
      })
      const curvature = inner(v, gv)
      if (options.convex !== false && curvature < -tolerance * norm(v) * size(v)) {
        throw new CheckError({
          operation: check,
          rule: 'the product must be positive semi-definite, ⟨v, Gv⟩ ≥ 0',
          found: String(curvature),
          remedy: 'Use a loss that is convex in the outputs, or say { convex: false }',
        })
      }
    }
    return ({ parameters, inputs, targets }) => {
      const product = gaussNewtonProduct(model, loss)
      const operator = product.at(parameters, inputs, targets)
      const apply = (direction: readonly number[]): P => operator.apply(treeWith(parameters, direction))
      const results = { gu: apply(u), gv: apply(v), combined: apply(combine(u, v)) }
      product.dispose()
      return { results, judge }
    }
  }
}

/**
 * Checks the Gauss-Newton product of a model and a loss at random points.
 * @param point what parameters, inputs and targets look like; one arbitrary for all where shapes depend on each other.
 * @param options `tolerance` is by default 1e-12, in float32 1e-4.
 * @returns a promise to wait for: a test must return it or await it.
 * @throws {CheckError} (a rejection) naming the identity, the relative error and the seed.
 */
export function checkGaussNewton<P, X, T, R>(
  model: Model<P, X, R>,
  loss: OutputLoss<R, T> | ((outputs: R, targets: T) => Tensor),
  point: Description<GaussNewtonPoint<P, X, T>>,
  options: GaussNewtonCheckOptions = {},
): Promise<void> {
  const outputLoss: OutputLoss<R, T> = typeof loss === 'function' ? { value: loss } : loss
  return checkAtRandom(check, point, options, gaussNewtonIdentities(model, outputLoss, options))
}
