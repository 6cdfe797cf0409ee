/**
 * What every optimiser of this package takes and gives: a model, a loss and data in; a stream of step records
 * out. Progress bars, logs, plots and checkpoints are consumers of that stream.
 */
import type { HostArray, Tensor } from '@hessian-free/tensor'
import type { DataSource } from './dataset.ts'
import type { Loss } from './losses/loss.ts'
import type { Work } from './workCounter.ts'

/** A plain function of a parameter tree and a batch [cases, …] to outputs [cases, …] (before squashing). */
export type Model<P> = (parameters: P, inputs: Tensor) => Tensor

export interface Problem<P> {
  readonly model: Model<P>
  readonly loss: Loss
  /** Coefficient w of ½w‖θ‖² in objective and curvature; default 0. */
  readonly weightDecay?: number
}

/** Where an optimiser is within a step; for live progress. */
export type Progress =
  | {
      readonly phase: 'gradient' | 'preconditioner'
      readonly iteration: number
      readonly cases: number
      readonly of: number
    }
  | {
      readonly phase: 'conjugateGradient'
      readonly iteration: number
      readonly conjugateGradientIteration: number
      readonly maximumIterations: number
      /** The quadratic model at the current iterate; negative once it predicts a decrease. */
      readonly modelValue: number
      readonly residualNorm: number
    }
  | {
      readonly phase: 'backtracking' | 'lineSearch'
      readonly iteration: number
      readonly heldOutLoss: number
    }

export interface MinimiseOptions {
  readonly data: DataSource
  /** Data for loss, backtracking, line search and damping; never used for gradients. */
  readonly heldOut: DataSource
  /** Stops after this many steps; default no limit. */
  readonly iterations?: number
  /** Ends the stream at the next safe point; what was accepted is kept. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/** Losses are means per case; `heldOutMetric` is the loss's own metric (see `Loss.metric`). */
export interface StepRecord {
  /** Steps taken, counted from 1. */
  readonly iteration: number
  /** Mean loss over the sample the gradient was taken on, before the step, weight decay included. */
  readonly trainingLoss: number
  /** Mean loss on the held-out data after the step, weight decay included. */
  readonly heldOutLoss: number
  readonly heldOutMetric: number
  /** Seconds since the start, evaluation included. */
  readonly seconds: number
  /** Totals since the start. */
  readonly work: Work
}

/** Held-out loss and metric before the first step. */
export interface InitialEvaluation {
  readonly heldOutLoss: number
  readonly heldOutMetric: number
}

/**
 * A run in progress: iterate over it to make it go on. It takes place on the backend of the initial parameters.
 */
export interface Minimisation<P, Step extends StepRecord> extends AsyncIterable<Step> {
  /** Held-out loss before the first step; known once iteration has begun. */
  readonly initial: InitialEvaluation | undefined
  /** The current parameters: fresh tensors of the caller's, in the form of the initial tree. */
  parameters(): P
  /** The current parameters as host arrays, leaf by leaf. */
  snapshot(): Promise<readonly HostArray[]>
  /** Frees all device memory of the run. */
  dispose(): void
}
