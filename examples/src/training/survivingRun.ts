/**
 * A training run that outlives its device. The state after every step is kept on the host; where a step finds the device
 * lost, a new backend is made, the data are prepared on it, and the run goes on from the last step. Only the step under
 * way is lost, and the curvature pairs of the lbfgs preconditioner, which are collected again.
 */
import type {
  HessianFreeMinimisation,
  HessianFreeState,
  HessianFreeStep,
  ResumableState,
  DenseLayer,
} from '@hessian-free/hf'
import { DeviceLostError } from '@hessian-free/tensor'
import type { Backend, HostArray } from '@hessian-free/tensor'
import type { PreparedExample } from '../examples/example.ts'

/** An example on a backend. */
export interface Placement {
  readonly backend: Backend
  readonly prepared: PreparedExample
}

export interface DeviceLoss {
  readonly error: DeviceLostError
  /** Steps that are done; the run goes on from there. */
  readonly iteration: number
  /** The backend it goes on on. */
  readonly backend: string
}

export interface SurvivingRunOptions {
  /** Makes a backend and prepares the example on it. */
  readonly place: () => Promise<Placement>
  readonly minimise: (
    prepared: PreparedExample,
    resumeFrom: ResumableState | undefined,
  ) => HessianFreeMinimisation<readonly DenseLayer[]>
  readonly onLoss: (loss: DeviceLoss) => void
  /** Losses in a row, without a step between them, before the run gives up; default 3. */
  readonly maximumLosses?: number
}

export interface SurvivingRun extends AsyncIterable<HessianFreeStep> {
  /** Where the run takes place at present. */
  readonly placement: Placement
  /** The run on the present device. */
  readonly run: HessianFreeMinimisation<readonly DenseLayer[]>
  /** After the last step; undefined before the first. */
  readonly state: HessianFreeState | undefined
  /** The parameters after the last step, leaf by leaf. */
  snapshot(): Promise<readonly HostArray[]>
  dispose(): void
}

/** @param first where the run begins. */
export function survivingRun(
  first: Placement,
  { place, minimise, onLoss, maximumLosses = 3 }: SurvivingRunOptions,
): SurvivingRun {
  let placement = first
  let run = minimise(first.prepared, undefined)
  let state: HessianFreeState | undefined

  async function* steps(): AsyncGenerator<HessianFreeStep, void> {
    let losses = 0
    let lost: DeviceLostError | undefined
    for (;;) {
      try {
        // Here, so that a device that is lost while it is prepared counts as well.
        if (lost !== undefined) {
          placement = await place()
          onLoss({ error: lost, iteration: state?.iteration ?? 0, backend: placement.backend.name })
          run = minimise(placement.prepared, state)
        }
        for await (const step of run) {
          state = await run.state()
          // Where a backend that tunes measures what the step met.
          await placement.backend.synchronize()
          losses = 0
          yield step
        }
        return
      } catch (error) {
        if (!(error instanceof DeviceLostError) || ++losses > maximumLosses) throw error
        run.dispose()
        placement.backend.dispose()
        lost = error
      }
    }
  }

  return {
    get placement() {
      return placement
    },
    get run() {
      return run
    },
    get state() {
      return state
    },
    snapshot: () => (state === undefined ? run.snapshot() : Promise.resolve(state.parameters)),
    [Symbol.asyncIterator]: steps,
    dispose: () => run.dispose(),
  }
}
