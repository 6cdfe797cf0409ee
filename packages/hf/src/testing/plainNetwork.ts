/**
 * A tanh network with a linear last layer in plain loops, for tests: outputs and their Jacobian, one case at a time,
 * by the chain rule written out. Nothing of the tensor engine computes here; only the numbers of its parameters are read.
 */
import { scope, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { DenseLayer } from '../initialisation.ts'
import type { ParameterLayout } from '../parameterLayout.ts'
import { unflattenParameters } from '../parameterLayout.ts'

export interface PlainLayer {
  /** Row-major [inputs, outputs]. */
  readonly w: readonly number[]
  readonly b: readonly number[]
}

export const plainLayers = (layers: readonly DenseLayer[]): PlainLayer[] =>
  layers.map(({ w, b }) => ({ w: [...w.readSync()], b: [...b.readSync()] }))

/** Activations of every layer, the case itself first, the outputs last. */
function activations(layers: readonly PlainLayer[], x: readonly number[]): number[][] {
  const all = [[...x]]
  layers.forEach(({ w, b }, layer) => {
    const previous = all[layer]
    all.push(
      b.map((bias, unit) => {
        const z = previous.reduce((sum, value, input) => sum + value * w[input * b.length + unit], bias)
        return layer === layers.length - 1 ? z : Math.tanh(z)
      }),
    )
  })
  return all
}

/** Outputs of one case. */
export const plainOutputs = (layers: readonly PlainLayer[], x: readonly number[]): number[] =>
  activations(layers, x)[layers.length]

/** ∂z_k / ∂θ of one case: one tree of slopes per output. */
export function plainJacobian(layers: readonly PlainLayer[], x: readonly number[]): PlainLayer[][] {
  const all = activations(layers, x)
  return all[layers.length].map((_, output) => {
    const slopes: PlainLayer[] = []
    let delta = all[layers.length].map((__, k) => Number(k === output))
    for (let layer = layers.length - 1; layer >= 0; layer--) {
      const [below, above] = [all[layer], delta]
      slopes.unshift({ w: below.flatMap((value) => above.map((d) => value * d)), b: above })
      delta = below.map(
        (value, input) =>
          (1 - value * value) *
          above.reduce((sum, d, unit) => sum + d * layers[layer].w[input * above.length + unit], 0),
      )
    }
    return slopes
  })
}

/** Writes a tree of numbers to where the layout keeps its leaves; the gaps hold zeros. */
export function placed(
  layout: ParameterLayout<DenseLayer[]>,
  like: Tensor,
  tree: readonly PlainLayer[],
): Float64Array {
  const places = scope(() => {
    const numbers = Float64Array.from({ length: layout.size }, (_, i) => i)
    const numbered = tensor(numbers, { dtype: like.dtype, backend: like.backend })
    return plainLayers(unflattenParameters(layout, numbered))
  })
  const flat = new Float64Array(layout.size)
  places.forEach(({ w, b }, layer) => {
    w.forEach((place, i) => (flat[place] = tree[layer].w[i]))
    b.forEach((place, i) => (flat[place] = tree[layer].b[i]))
  })
  return flat
}
