/**
 * @hessian-free/hf: Hessian-free optimisation and the pieces it is made of, each usable alone: losses, conjugate
 * gradients, preconditioners, damping, line search, sampling; and first-order methods over the same problems.
 */
export { hessianFree } from './hessianFree/hessianFree.ts'
export type {
  HessianFree,
  HessianFreeMinimisation,
  HessianFreeMinimiseOptions,
} from './hessianFree/hessianFree.ts'
export type { HessianFreeState, ResumableState } from './hessianFree/state.ts'
export type { HessianFreeOptions } from './hessianFree/options.ts'
export type { HessianFreeStep } from './hessianFree/stepRecord.ts'
export {
  diagonalPreconditioning,
  lbfgsPreconditioning,
  noPreconditioning,
} from './hessianFree/preconditioning.ts'
export type { ActivePreconditioning, CurvatureRun, Preconditioning } from './hessianFree/preconditioning.ts'
export { stochasticGradientDescent } from './stochasticGradientDescent.ts'
export type { StochasticGradientDescentOptions } from './stochasticGradientDescent.ts'
export { adam } from './adam.ts'
export type { AdamOptions } from './adam.ts'
export type { MinibatchOptions } from './minibatchMinimisation.ts'
export type {
  InitialEvaluation,
  Minimisation,
  MinimiseOptions,
  Model,
  Problem,
  Progress,
  StepRecord,
} from './minimisation.ts'

export { logisticCrossEntropy, reconstructionError } from './losses/logisticCrossEntropy.ts'
export { classificationError, softmaxCrossEntropy } from './losses/softmaxCrossEntropy.ts'
export { squaredDistance, squaredError } from './losses/squaredError.ts'
export type { SquaredErrorOptions } from './losses/squaredError.ts'
export type { Loss, Metric } from './losses/loss.ts'

export { glorotInitialisation, sparseInitialisation } from './initialisation.ts'
export type { DenseLayer, InitialisationOptions, SparseOptions } from './initialisation.ts'
export { flattenParameters, parameterLayout, unflattenParameters } from './parameterLayout.ts'
export type { ParameterLayout } from './parameterLayout.ts'
export { allCases, prepareSample, uploadDataset } from './dataset.ts'
export type { Chunk, DataSource, Dataset, Sample } from './dataset.ts'
export { createObjective } from './objective.ts'
export type { Evaluation, Gradient, Objective } from './objective.ts'
export { createCurvature } from './curvature.ts'
export type { Curvature, CurvatureOperator } from './curvature.ts'
export { createSquaredGradients } from './squaredGradients.ts'
export type { SquaredGradients } from './squaredGradients.ts'
export { casesProcessed, noWork, workUnits } from './workCounter.ts'
export type { Work } from './workCounter.ts'

export { conjugateGradient } from './conjugateGradient.ts'
export type { ConjugateGradientOptions, ConjugateGradientResult } from './conjugateGradient.ts'
export type { CurvaturePair } from './curvaturePair.ts'
export { iterateGrid } from './iterateGrid.ts'
export type { IterateSelection } from './iterateGrid.ts'
export type { StoredIterate } from './iterateStore.ts'
export { maximumIterations, notBefore } from './stopRules/iterationLimits.ts'
export { newtonForcing } from './stopRules/newtonForcing.ts'
export { relativeProgress } from './stopRules/relativeProgress.ts'
export { residualReduction } from './stopRules/residualReduction.ts'
export type {
  ConjugateGradientIteration,
  ConjugateGradientStart,
  StopReason,
  StopRule,
} from './stopRules/stopRule.ts'
export { identityPreconditioner } from './preconditioners/identity.ts'
export { diagonalPreconditioner } from './preconditioners/diagonal.ts'
export { lbfgsPreconditioner } from './preconditioners/lbfgs.ts'
export type { LbfgsPreconditioner, LbfgsPreconditionerOptions } from './preconditioners/lbfgs.ts'
export { twoLoopRecursion } from './preconditioners/twoLoopRecursion.ts'
export type { PairVectors } from './preconditioners/twoLoopRecursion.ts'
export type { Preconditioner } from './preconditioners/preconditioner.ts'
export { levenbergMarquardt } from './levenbergMarquardt.ts'
export type { DampingState, LevenbergMarquardtOptions } from './levenbergMarquardt.ts'
export { reductionRatio } from './reductionRatio.ts'
export { armijoLineSearch } from './armijoLineSearch.ts'
export { backtrack } from './backtracking.ts'
export { fixedSampling } from './sampling/fixed.ts'
export { geometricSampling, geometricStart } from './sampling/geometric.ts'
export { drawSamples } from './sampling/drawSamples.ts'
export type { SampleSchedule } from './sampling/sampleSchedule.ts'
