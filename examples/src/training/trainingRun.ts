/**
 * A training run without its surroundings: the optimiser of an example, what describes the run, and its reconstructed
 * digits. The command-line tool and the page in a browser are built on it; nothing here knows either.
 */
import { hessianFree } from '@hessian-free/hf'
import type { DenseLayer, HessianFree } from '@hessian-free/hf'
import { DeviceLostError, disposeTree, hostArray, scope, sigmoid, tensor } from '@hessian-free/tensor'
import type { HostArray } from '@hessian-free/tensor'
import { firstCases } from '../data/firstCases.ts'
import type { PreparedExample, Preset } from '../examples/example.ts'
import { createPreconditioning, createSampling } from '../optimiserChoices.ts'
import type { PreconditionerName, SamplingName } from '../optimiserChoices.ts'
import type { SurvivingRun } from './survivingRun.ts'

/** What a person chooses about the optimiser. */
export interface OptimiserSettings {
  readonly preconditioner: PreconditionerName
  /** Curvature pairs of the lbfgs preconditioner. */
  readonly pairs: number
  readonly sampling: SamplingName
  /** Initial damping; default that of the preset. */
  readonly damping?: number
  readonly seed: number
}

export const createOptimiser = (
  { problem }: PreparedExample,
  preset: Preset,
  { preconditioner, pairs, sampling, damping, seed }: OptimiserSettings,
): HessianFree<readonly DenseLayer[]> =>
  hessianFree(problem, {
    preconditioning: createPreconditioning(preconditioner, pairs),
    gradientSample: createSampling(sampling, preset.gradientSample),
    curvatureSample: createSampling(sampling, preset.curvatureSample),
    damping: damping ?? preset.damping,
    seed,
  })

/** What is worth knowing about a run, in the order in which it is shown. */
export const describeSettings = (
  { problem, initial }: PreparedExample,
  preset: Preset,
  { preconditioner, pairs, sampling, damping, seed }: OptimiserSettings,
): Readonly<Record<string, string | number>> => ({
  network: preset.widths.join('-'),
  parameters: initial.reduce((count, { w, b }) => count + w.size + b.size, 0),
  'training cases': preset.trainingCases,
  'held-out cases': preset.heldOutCases,
  loss: problem.loss.name,
  preconditioner: preconditioner === 'lbfgs' ? `lbfgs, ${pairs} pairs` : preconditioner,
  sampling,
  damping: damping ?? preset.damping,
  'weight decay': preset.weightDecay,
  seed,
})

/** Images beside what the network makes of them, both float32 [count, pixels] in [0, 1]. */
export interface Reconstructions {
  readonly originals: HostArray
  readonly outputs: HostArray
}

/** The first `count` held-out images, or all there are, through the network. */
export async function reconstruct(
  { problem, heldOut }: PreparedExample,
  parameters: PreparedExample['initial'],
  count: number,
): Promise<Reconstructions> {
  const originals = firstCases(heldOut.inputs, Math.min(count, heldOut.inputs.shape[0]))
  const outputs = scope(() =>
    sigmoid(problem.model(parameters, tensor(originals, { backend: parameters[0].w.backend }))),
  )
  try {
    return { originals, outputs: hostArray(await outputs.read(), originals.shape) }
  } finally {
    outputs.dispose()
  }
}

/** The same for a run as it stands; undefined if its device is lost, which costs the run no more than these images. */
export async function reconstructLatest(
  { run, placement }: Pick<SurvivingRun, 'run' | 'placement'>,
  count: number,
): Promise<Reconstructions | undefined> {
  try {
    const parameters = run.parameters()
    try {
      return await reconstruct(placement.prepared, parameters, count)
    } finally {
      disposeTree(parameters)
    }
  } catch (error) {
    if (error instanceof DeviceLostError) return undefined
    throw error
  }
}
