/**
 * An example: a network, a loss and real data, in presets from a check that takes seconds to the full problem.
 */
import type { DataSource, DenseLayer, Problem } from '@hessian-free/hf'
import type { Backend } from '@hessian-free/tensor'
import type { ReadMnist } from '../data/mnist.ts'

export const presetNames = ['tiny', 'small', 'full'] as const
export type PresetName = (typeof presetNames)[number]

export interface Growth {
  /** Cases in the first iteration, factor per iteration, and most cases. */
  readonly start: number
  readonly factor: number
  readonly limit: number
}

export interface Preset {
  /** Layer widths, inputs first. */
  readonly widths: readonly number[]
  readonly trainingCases: number
  readonly heldOutCases: number
  /** Default number of outer iterations; samples are full at about half of them. */
  readonly iterations: number
  readonly damping: number
  readonly weightDecay: number
  readonly gradientSample: Growth
  readonly curvatureSample: Growth
}

export interface PreparedExample {
  readonly problem: Problem<readonly DenseLayer[]>
  readonly initial: readonly DenseLayer[]
  readonly data: DataSource
  readonly heldOut: DataSource
  /** Whether outputs are images like the inputs, to be shown beside them. */
  readonly reconstructs: boolean
}

export interface Example {
  readonly name: string
  readonly description: string
  readonly presets: Readonly<Record<PresetName, Preset>>
  /**
   * Reads the data and draws the initial parameters on the backend.
   * @param readMnist from a folder in Node, over HTTP in a browser.
   */
  prepare(preset: Preset, backend: Backend, seed: number, readMnist: ReadMnist): Promise<PreparedExample>
}
