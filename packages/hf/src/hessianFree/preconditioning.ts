/**
 * How the optimiser preconditions conjugate gradients, run by run. A choice is data (`lbfgsPreconditioning({ pairs:
 * 32 })`); what it owns on the device begins and ends with a minimisation.
 */
import type { Tensor } from '@hessian-free/tensor'
import type { CurvaturePair } from '../curvaturePair.ts'
import type { Sample } from '../dataset.ts'
import type { Problem } from '../minimisation.ts'
import type { ParameterLayout } from '../parameterLayout.ts'
import { diagonalPreconditioner } from '../preconditioners/diagonal.ts'
import { lbfgsPreconditioner } from '../preconditioners/lbfgs.ts'
import type { LbfgsPreconditionerOptions } from '../preconditioners/lbfgs.ts'
import type { Preconditioner } from '../preconditioners/preconditioner.ts'
import { createSquaredGradients } from '../squaredGradients.ts'
import type { StopReason } from '../stopRules/stopRule.ts'

/** What a run of conjugate gradients is about. */
export interface CurvatureRun {
  readonly theta: Tensor
  /** λ. */
  readonly damping: number
  readonly gradientSample: Sample
}

/** A preconditioning at work in one minimisation. */
export interface ActivePreconditioning {
  /** The preconditioner of the run that follows; undefined for none. */
  begin(run: CurvatureRun): Promise<Preconditioner | undefined>
  /** Takes the run's curvature pairs over, if it wants them. */
  readonly collect?: (pair: CurvaturePair) => void
  end(stopReason: StopReason): void
  /** After repeated rejections: what was learnt may be the cause. */
  forget(): void
  /** Cases that went through a gradient for the preconditioner's sake in the last `begin`. */
  readonly gradientCases: number
  dispose(): void
}

export interface Preconditioning {
  readonly name: 'none' | 'diagonal' | 'lbfgs'
  start<P>(problem: Problem<P>, layout: ParameterLayout<P>): ActivePreconditioning
}

const nothing = (): void => undefined

/** Plain conjugate gradients. */
export const noPreconditioning = (): Preconditioning => ({
  name: 'none',
  start: () => ({
    begin: () => Promise.resolve(undefined),
    end: nothing,
    forget: nothing,
    gradientCases: 0,
    dispose: nothing,
  }),
})

/** The paper's implicit L-BFGS preconditioner, from the pairs of the previous run. */
export const lbfgsPreconditioning = (options: LbfgsPreconditionerOptions = {}): Preconditioning => ({
  name: 'lbfgs',
  start: () => {
    const preconditioner = lbfgsPreconditioner(options)
    return {
      begin: async ({ damping }) => {
        await preconditioner.beginRun({ damping })
        return preconditioner
      },
      collect: (pair) => preconditioner.collect(pair),
      end: (stopReason) => void preconditioner.endRun(stopReason),
      forget: () => preconditioner.forget(),
      gradientCases: 0,
      dispose: () => preconditioner.dispose(),
    }
  },
})

export interface DiagonalPreconditioningOptions {
  /** ξ; default ¾ (Martens 2010). */
  readonly exponent?: number
}

/** Martens' diagonal: mean squared per-case gradients on the gradient sample, anew in every run. */
export const diagonalPreconditioning = (options: DiagonalPreconditioningOptions = {}): Preconditioning => ({
  name: 'diagonal',
  start: (problem, layout) => {
    const squaredGradients = createSquaredGradients(problem, layout)
    let current: ReturnType<typeof diagonalPreconditioner> | undefined
    let gradientCases = 0
    const end = (): void => {
      current?.dispose()
      current = undefined
    }
    return {
      begin: async ({ theta, damping, gradientSample }) => {
        using diagonal = squaredGradients.mean(theta, gradientSample)
        gradientCases = gradientSample.cases
        current = diagonalPreconditioner(diagonal, {
          ...options,
          damping: damping + (problem.weightDecay ?? 0),
        })
        return current
      },
      end,
      forget: nothing,
      get gradientCases() {
        return gradientCases
      },
      dispose: () => {
        end()
        squaredGradients.dispose()
      },
    }
  },
})
