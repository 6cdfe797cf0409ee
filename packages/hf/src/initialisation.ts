/**
 * Initial parameters of dense layers { w: [inputs, outputs], b: [outputs] }.
 *
 * `sparse`: every unit gets k incoming weights from N(0, scale²), the rest 0, biases 0 (Martens 2010 §5; k = 15 and
 * scale 1 there; inputs drawn with replacement as in his code, so that coinciding draws overwrite each other).
 * `glorot`: uniform on ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010, equation 16).
 * Drawn on the host from a key, so that every backend starts from the same numbers.
 */
import { ArgumentError, foldIn, hostArray, randomUniforms, tensor, typedArray } from '@hessian-free/tensor'
import type { Backend, Dtype, HostArray, RandomKey, Tensor } from '@hessian-free/tensor'

export interface DenseLayer {
  /** Weights [inputs, outputs]. */
  readonly w: Tensor
  /** Biases [outputs]. */
  readonly b: Tensor
}

export interface InitialisationOptions {
  readonly backend?: Backend
  readonly dtype?: Extract<Dtype, 'float32' | 'float64'>
}

export interface SparseOptions extends InitialisationOptions {
  /** Incoming non-zero weights per unit; default 15. */
  readonly connections?: number
  /** Standard deviation of a non-zero weight; default 1. */
  readonly scale?: number
}

type WeightRule = (key: RandomKey, inputs: number, outputs: number, into: Float32Array | Float64Array) => void

function denseLayers(
  key: RandomKey,
  widths: readonly number[],
  options: InitialisationOptions,
  rule: WeightRule,
): DenseLayer[] {
  const valid = widths.length >= 2 && widths.every((width) => Number.isSafeInteger(width) && width > 0)
  if (!valid) {
    throw new ArgumentError({
      operation: 'initialisation',
      rule: 'needs at least two layer widths, all positive integers',
      found: `[${widths.join(', ')}]`,
    })
  }
  const { dtype = 'float32', backend } = options
  const upload = (array: HostArray): Tensor => tensor(array, backend === undefined ? {} : { backend })
  return widths.slice(1).map((outputs, layer) => {
    const inputs = widths[layer]
    const weights = typedArray(dtype, inputs * outputs)
    rule(foldIn(key, layer), inputs, outputs, weights)
    return {
      w: upload(hostArray(weights, [inputs, outputs])),
      b: upload(hostArray(typedArray(dtype, outputs), [outputs])),
    }
  })
}

/** Martens' sparse initialisation. @throws {ArgumentError} for bad widths. */
export function sparseInitialisation(
  key: RandomKey,
  widths: readonly number[],
  options: SparseOptions = {},
): DenseLayer[] {
  const { connections = 15, scale = 1 } = options
  return denseLayers(key, widths, options, (layerKey, inputs, outputs, weights) => {
    const uniform = randomUniforms(layerKey, 3 * connections * outputs)
    for (let unit = 0, at = 0; unit < outputs; unit++) {
      for (let connection = 0; connection < connections; connection++, at += 3) {
        const input = Math.min(inputs - 1, Math.floor(uniform[at] * inputs))
        // Box-Muller; 1 − u is in (0, 1], so the logarithm is finite.
        const radius = Math.sqrt(-2 * Math.log(1 - uniform[at + 1]))
        weights[input * outputs + unit] = scale * radius * Math.cos(2 * Math.PI * uniform[at + 2])
      }
    }
  })
}

/** Glorot's uniform initialisation. @throws {ArgumentError} for bad widths. */
export function glorotInitialisation(
  key: RandomKey,
  widths: readonly number[],
  options: InitialisationOptions = {},
): DenseLayer[] {
  return denseLayers(key, widths, options, (layerKey, inputs, outputs, weights) => {
    const limit = Math.sqrt(6 / (inputs + outputs))
    const uniform = randomUniforms(layerKey, weights.length)
    for (let i = 0; i < weights.length; i++) weights[i] = limit * (2 * uniform[i] - 1)
  })
}
