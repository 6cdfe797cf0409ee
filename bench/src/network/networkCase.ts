/**
 * The network that engines are compared on: dense tanh layers and a softmax cross-entropy over ten classes, with host
 * data that is the same for every engine.
 */
import { numbers } from '../numbers.ts'

export interface NetworkCase {
  /** Layer widths, inputs first. */
  readonly widths: readonly number[]
  readonly batch: number
}

export interface HostLayer {
  readonly w: Float32Array
  readonly b: Float32Array
}

/** Weights and biases, layer by layer, inputs × outputs. */
export const hostLayers = ({ widths }: Pick<NetworkCase, 'widths'>, seed: number): HostLayer[] =>
  widths.slice(1).map((outputs, i) => ({
    w: numbers(seed + i, widths[i] * outputs, 2 / Math.sqrt(widths[i])),
    b: numbers(seed + 50 + i, outputs, 0.2),
  }))

export const hostInputs = ({ widths, batch }: NetworkCase): Float32Array => numbers(7, batch * widths[0])

/** One of `classes` per case, as a row with a single one. */
export function hostTargets({ widths, batch }: NetworkCase): Float32Array {
  const classes = widths[widths.length - 1]
  return Float32Array.from({ length: batch * classes }, (_, i) =>
    i % classes === Math.floor(i / classes) % classes ? 1 : 0,
  )
}

/** Seeds of the parameters and of the direction that products are taken with. */
export const seeds = { parameters: 1, direction: 100 }
