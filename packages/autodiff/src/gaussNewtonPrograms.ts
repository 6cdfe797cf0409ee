/**
 * The Gauss-Newton product as two programs. With z = model(θ, x), J = ∂z/∂θ and H = ∂²loss/∂z² at z,
 *   G v = Jᵀ H J v
 * is three linear maps in a row: the linearised model, the loss's output Hessian, the transposed model. `primal` runs
 * once per point and gives the loss and the residuals of all three; `product` is replayed for every v. Source:
 * Schraudolph 2002, "Fast curvature matrix-vector products"; Martens 2010, §4.2. Unlike the usual jvp-then-vjp recipe
 * no forward pass is repeated and nothing multiplies by the tangent of the data, which is a symbolic zero.
 */
import type { Program, Tensor } from '@hessian-free/tensor'
import { applyProgram, flattenTree, traceClosed } from '@hessian-free/tensor'
import type { Differentiable } from './differentiable.ts'
import { differentiable } from './differentiable.ts'
import { transposeLinear } from './gradientProgram.ts'
import type { ResidualSource } from './linearizeProgram.ts'
import { linearizeProgram, residualsFrom } from './linearizeProgram.ts'
import type { OutputLoss } from './outputCurvature.ts'
import { outputCurvature } from './outputCurvature.ts'
import { inPlaces, withZeros } from './symbolicZeros.ts'

export interface GaussNewtonPrograms<P> {
  /** [θ…, x…, t…, captures…] → [loss, residuals that are computed…]. */
  readonly primal: Program
  /** [residuals…, v…] → [(G v)…]. */
  readonly product: Program
  /** Where each residual comes from: an input of `primal` or one of its outputs. */
  readonly residuals: readonly ResidualSource[]
  /** What model and loss close over, in the order of `primal`'s last inputs. */
  readonly captures: readonly Tensor[]
  /** The form of θ and v. */
  readonly structure: Differentiable<P, unknown>['structure']
}

/**
 * Traces model and loss at the types of the arguments; computes nothing.
 * @throws {ArgumentError} unless the loss is one float scalar. @throws {DtypeError} for integers in θ.
 */
export function gaussNewtonPrograms<P, X, T, R>(
  model: (parameters: P, inputs: X) => R,
  loss: OutputLoss<R, T>,
  parameters: P,
  inputs: X,
  targets: T,
): GaussNewtonPrograms<P> {
  const operation = 'gaussNewtonProduct'
  const traced = differentiable(operation, model, [parameters, inputs])
  const argumentCount = flattenTree([parameters, inputs], operation).leaves.length
  const linearized = linearizeProgram(traced.program, traced.active)
  const curvature = outputCurvature(loss, traced.program.outputs, traced.result, targets)
  const targetLeaves = flattenTree(targets, operation).leaves
  const modelCaptures = traced.inputs.slice(argumentCount)
  const types = [
    ...traced.inputs.slice(0, argumentCount),
    ...targetLeaves,
    ...modelCaptures,
    ...curvature.captures,
  ]

  const residuals: ResidualSource[] = []
  const primal = traceClosed(`${traced.program.name}.gaussNewtonPrimal`, types, (operands) => {
    const split = (count: number, from: number): readonly Tensor[] => operands.slice(from, from + count)
    const given = split(targetLeaves.length, argumentCount)
    const captured = split(modelCaptures.length, argumentCount + given.length)
    const lossCaptured = operands.slice(argumentCount + given.length + captured.length)
    const modelOperands = [...operands.slice(0, argumentCount), ...captured]
    const modelResults = applyProgram(operation, linearized.primal, modelOperands)
    const outputs = modelResults.slice(0, traced.program.outputs.length)
    const { value, residuals: curvatureResiduals } = curvature.primal(outputs, given, lossCaptured)
    const computed: Tensor[] = [value]
    for (const residual of [
      ...residualsFrom(linearized, modelOperands, modelResults),
      ...curvatureResiduals,
    ]) {
      const input = operands.indexOf(residual)
      if (input < 0 && !computed.includes(residual)) computed.push(residual)
      residuals.push(
        input >= 0
          ? { from: 'input', position: input }
          : { from: 'output', position: computed.indexOf(residual) },
      )
    }
    return computed
  })

  const residualTypes = residuals.map(
    ({ from, position }) => (from === 'input' ? primal.inputs : primal.outputs)[position],
  )
  const directionTypes = traced.inputs.filter((_, i) => traced.active[i])
  const modelResidualCount = linearized.residuals.length
  const product = traceClosed(
    `${traced.program.name}.gaussNewtonProduct`,
    [...residualTypes, ...directionTypes],
    (operands) => {
      const modelResiduals = operands.slice(0, modelResidualCount)
      const curvatureResiduals = operands.slice(modelResidualCount, residuals.length)
      const directions = operands.slice(residuals.length)
      const forward = applyProgram(operation, linearized.linear, [...modelResiduals, ...directions])
      const dense = withZeros(inPlaces(linearized.hasTangent, forward), traced.program.outputs)
      const weighted = curvature.apply(curvatureResiduals, dense)
      const cotangents = weighted.filter((_, i) => linearized.hasTangent[i])
      const found = transposeLinear(linearized.linear, modelResidualCount)(modelResiduals, cotangents)
      return withZeros(found, directions)
    },
  )
  const captures = [...modelCaptures, ...curvature.captures]
  return { primal, product, residuals, captures, structure: traced.structure }
}
