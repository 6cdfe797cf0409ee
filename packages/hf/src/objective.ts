/**
 * The objective of a problem on samples, over the flat parameter vector:
 *   f(θ) = Σ_i w_i ℓ_i(θ) + ½ w ‖θ‖²,   w_i = 1 / |sample|
 * and its gradient. Samples are worked through in chunks of one length, so each function is compiled once; rows
 * are gathered inside the programs. Sums over chunks are made on the host in float64 for losses (a reduction
 * ratio is a difference of nearly equal losses) and on the device for gradients.
 */
import { valueAndGrad } from '@hessian-free/autodiff'
import type { Tensor, TypedArray } from '@hessian-free/tensor'
import { concatenate, gather, jit, readTensors, zeros } from '@hessian-free/tensor'
import type { Dataset, Sample } from './dataset.ts'
import { eventLoopPause } from './eventLoopPause.ts'
import type { Problem } from './minimisation.ts'
import type { ParameterLayout } from './parameterLayout.ts'
import { flattenParameters, unflattenParameters } from './parameterLayout.ts'

export interface Evaluation {
  /** Mean loss per case, weight decay included. */
  readonly loss: number
  /** Mean of the loss's metric. */
  readonly metric: number
}

export interface Gradient {
  /** Mean loss per case, weight decay included. */
  readonly loss: number
  /** ∇f, weight decay included; the caller's. */
  readonly gradient: Tensor
  /** ‖∇f‖. */
  readonly norm: number
}

export interface Objective<P> {
  readonly problem: Problem<P>
  readonly layout: ParameterLayout<P>
  /** Most cases per chunk of the samples given to this objective. */
  readonly chunkLength: number
  evaluate(theta: Tensor, sample: Sample): Promise<Evaluation>
  /** @param onChunk called with the number of cases done so far. */
  gradient(theta: Tensor, sample: Sample, onChunk?: (cases: number) => void): Promise<Gradient>
  /** Frees the compiled programs. */
  dispose(): void
}

/** The tensors of a data set as programs take them: targets only where they differ from the inputs. */
export interface DataTensors {
  readonly inputs: Tensor
  readonly targets?: Tensor
}

export const dataTensors = ({ inputs, targets }: Dataset): DataTensors =>
  targets === inputs ? { inputs } : { inputs, targets }

/** The rows of a chunk. */
export function gatherRows(data: DataTensors, indices: Tensor): { inputs: Tensor; targets: Tensor } {
  const inputs = gather(data.inputs, indices)
  return { inputs, targets: data.targets === undefined ? inputs : gather(data.targets, indices) }
}

/** Reads vectors in one wait and frees them. */
function take(vectors: readonly Tensor[]): Promise<TypedArray[]> {
  const reading = readTensors(vectors)
  for (const vector of vectors) vector.dispose()
  return reading
}

/** Σ of a column of per-chunk totals, in float64. */
const sumOf = (totals: readonly TypedArray[], column: number): number =>
  totals.reduce((sum, total) => sum + total[column], 0)

/** Compiles the problem's functions on first use. */
export function createObjective<P>(
  problem: Problem<P>,
  layout: ParameterLayout<P>,
  chunkLength: number,
): Objective<P> {
  const { model, loss, weightDecay = 0 } = problem
  const weightedSum = (values: Tensor, weights: Tensor): Tensor => values.multiply(weights).sum().reshape([1])

  const evaluateChunk = jit(
    (theta: Tensor, data: DataTensors, indices: Tensor, weights: Tensor) => {
      const { inputs, targets } = gatherRows(data, indices)
      const outputs = model(unflattenParameters(layout, theta), inputs)
      return concatenate([
        weightedSum(loss.perCase(outputs, targets), weights),
        weightedSum(loss.metric.perCase(outputs, targets), weights),
      ])
    },
    { name: 'evaluateChunk' },
  )
  const gradientChunk = jit(
    (theta: Tensor, data: DataTensors, indices: Tensor, weights: Tensor, sum: Tensor) => {
      const { inputs, targets } = gatherRows(data, indices)
      const chunkLoss = (parameters: P): Tensor =>
        loss.perCase(model(parameters, inputs), targets).multiply(weights).sum()
      const { value, gradient } = valueAndGrad(chunkLoss)(unflattenParameters(layout, theta))
      return { total: value.reshape([1]), sum: sum.add(flattenParameters(layout, gradient)) }
    },
    { name: 'gradientChunk', donate: [4] },
  )
  const decayGradient = jit(
    (theta: Tensor) => (weightDecay === 0 ? zeros(theta.shape, theta.dtype) : theta.multiply(weightDecay)),
    { name: 'decayGradient' },
  )
  const squaredNorm = jit((theta: Tensor) => theta.square().sum().reshape([1]), { name: 'squaredNorm' })

  /** Totals of chunks and, where there is decay, ‖θ‖², in one wait; more vectors are read along. */
  const measure = async (theta: Tensor, totals: readonly Tensor[], more: readonly Tensor[] = []) => {
    const norms = weightDecay === 0 ? [] : [squaredNorm(theta)]
    const values = await take([...more, ...totals, ...norms])
    const chunks = values.slice(more.length, more.length + totals.length)
    const decay = norms.length === 0 ? 0 : 0.5 * weightDecay * values[values.length - 1][0]
    return { loss: sumOf(chunks, 0) + decay, chunks, more: values.slice(0, more.length) }
  }

  return {
    problem,
    layout,
    chunkLength,
    evaluate: async (theta, { dataset, chunks }) => {
      const data = dataTensors(dataset)
      const totals: Tensor[] = []
      const pause = eventLoopPause()
      for (const { indices, weights } of chunks) {
        await pause()
        totals.push(evaluateChunk(theta, data, indices, weights))
      }
      const { loss, chunks: sums } = await measure(theta, totals)
      return { loss, metric: sumOf(sums, 1) }
    },
    gradient: async (theta, { dataset, chunks }, onChunk) => {
      const data = dataTensors(dataset)
      const totals: Tensor[] = []
      let gradient = decayGradient(theta)
      let done = 0
      const pause = eventLoopPause()
      for (const { indices, weights, cases } of chunks) {
        await pause()
        const chunk = gradientChunk(theta, data, indices, weights, gradient)
        totals.push(chunk.total)
        gradient = chunk.sum
        onChunk?.((done += cases))
      }
      const { loss, more } = await measure(theta, totals, [squaredNorm(gradient)])
      return { loss, gradient, norm: Math.sqrt(more[0][0]) }
    },
    dispose: () => {
      for (const compiled of [evaluateChunk, gradientChunk, decayGradient, squaredNorm]) compiled.dispose()
    },
  }
}
