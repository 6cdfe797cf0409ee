/**
 * Data as the optimisers take it: inputs and targets with cases along the first axis. Both live on the backend
 * as a whole; samples are index vectors, and rows are gathered inside the compiled programs, so that drawing a
 * fresh sample moves a few kilobytes and never copies cases through the host.
 */
import {
  ArgumentError,
  NumericalError,
  ShapeError,
  formatShape,
  isFloat,
  tensor,
  typedArray,
} from '@hessian-free/tensor'
import type { Backend, Dtype, HostArray, Tensor } from '@hessian-free/tensor'
import { chunkLengths } from './chunkLengths.ts'

/** Host data; `targets` default to the inputs, which makes an autoencoder. */
export interface DataSource {
  readonly inputs: HostArray
  readonly targets?: HostArray
}

/** Data on a backend. `inputs` and `targets` may be one tensor. */
export interface Dataset {
  readonly inputs: Tensor
  readonly targets: Tensor
  readonly cases: number
  dispose(): void
}

function requireFinite(name: string, array: HostArray): void {
  if (!isFloat(array.dtype)) return
  const at = array.data.findIndex((value: number) => !Number.isFinite(value))
  if (at < 0) return
  const row = array.data.length / Math.max(1, array.shape[0])
  throw new NumericalError({
    operation: 'dataset',
    rule: `${name} must be finite numbers`,
    found: `${String(array.data[at])} in case ${Math.floor(at / row)}, element ${at % row}`,
    remedy: 'Remove or impute the case before training',
  })
}

/**
 * Uploads data.
 * @throws {ShapeError} unless inputs and targets have the same number of cases.
 * @throws {ArgumentError} for an empty data set. @throws {NumericalError} for NaN or infinite numbers.
 */
export function uploadDataset(source: DataSource, backend: Backend): Dataset {
  const { inputs, targets = inputs } = source
  const cases = inputs.shape[0] ?? 0
  if (inputs.shape.length < 2 || targets.shape.length < 1 || targets.shape[0] !== cases) {
    throw new ShapeError({
      operation: 'dataset',
      rule: 'inputs must be [cases, …] and targets must have as many cases',
      found: `inputs ${formatShape(inputs.shape)}, targets ${formatShape(targets.shape)}`,
    })
  }
  if (cases === 0)
    throw new ArgumentError({ operation: 'dataset', rule: 'there must be at least one case', found: '0' })
  requireFinite('inputs', inputs)
  if (targets !== inputs) requireFinite('targets', targets)
  const uploadedInputs = tensor(inputs, { backend })
  const uploadedTargets = targets === inputs ? uploadedInputs : tensor(targets, { backend })
  return {
    inputs: uploadedInputs,
    targets: uploadedTargets,
    cases,
    dispose: () => {
      uploadedInputs.dispose()
      uploadedTargets.dispose()
    },
  }
}

/** A piece of a sample, of one of a few lengths: padded positions repeat case 0 with weight 0. */
export interface Chunk {
  readonly indices: Tensor
  readonly weights: Tensor
  /** Cases that count. */
  readonly cases: number
}

/** Cases of a data set, cut into chunks (see `chunkLengths`), each case weighted 1 / cases. */
export interface Sample {
  readonly dataset: Dataset
  readonly cases: number
  readonly chunks: readonly Chunk[]
  dispose(): void
}

/**
 * A sample ready for the compiled programs. Few lengths of chunks mean few programs whatever the sample size; results
 * are those of the uncut sample up to rounding, because every case carries its own weight.
 * @param indices the cases; @param chunkLength most cases per chunk.
 * @throws {ArgumentError} for an empty sample, an index outside the data, or a length that is no positive integer.
 */
export function prepareSample(
  dataset: Dataset,
  indices: Uint32Array,
  chunkLength: number,
  dtype: Dtype,
): Sample {
  if (indices.length === 0 || indices.some((index) => index >= dataset.cases)) {
    throw new ArgumentError({
      operation: 'sample',
      rule: `a sample must hold at least one index below ${dataset.cases}`,
      found: indices.length === 0 ? 'no index' : `largest index ${indices.reduce((a, b) => Math.max(a, b))}`,
    })
  }
  if (!Number.isSafeInteger(chunkLength) || chunkLength < 1) {
    throw new ArgumentError({
      operation: 'sample',
      rule: 'the cases per chunk must be a positive integer',
      found: String(chunkLength),
    })
  }
  const backend = dataset.inputs.backend
  let start = 0
  const chunks = chunkLengths(indices.length, chunkLength).map((length): Chunk => {
    const part = indices.subarray(start, start + length)
    start += length
    const padded = new Int32Array(length)
    padded.set(part)
    const weights = typedArray(dtype, length).fill(1 / indices.length, 0, part.length)
    return {
      indices: tensor(padded, { backend }),
      weights: tensor(weights, { backend }),
      cases: part.length,
    }
  })
  return {
    dataset,
    cases: indices.length,
    chunks,
    dispose: () => {
      for (const chunk of chunks) {
        chunk.indices.dispose()
        chunk.weights.dispose()
      }
    },
  }
}

/** All cases of a data set, in order. */
export const allCases = (dataset: Dataset): Uint32Array =>
  Uint32Array.from({ length: dataset.cases }, (_, i) => i)
