/**
 * First-order training on shuffled minibatches: the loop that stochastic gradient descent and Adam share, over
 * the same problems and with the same records as Hessian-free optimisation, so that the methods can be compared
 * at equal work. A pass over the data is a keyed permutation, cut into minibatches; the last, short one is used.
 */
import {
  ArgumentError,
  foldIn,
  jit,
  randomKey,
  randomPermutation,
  scalarLike,
  zeros,
} from '@hessian-free/tensor'
import type { RandomKey, Tensor } from '@hessian-free/tensor'
import type { Sample } from './dataset.ts'
import { defaultChunkLength } from './chunkLengths.ts'
import { allCases, prepareSample, uploadDataset } from './dataset.ts'
import type { InitialEvaluation, MinimiseOptions, Minimisation, Problem, StepRecord } from './minimisation.ts'
import { createObjective } from './objective.ts'
import { createParameterState } from './parameterState.ts'
import { runOnState } from './runOnState.ts'
import { WorkCounter } from './workCounter.ts'

/** How a method turns gradients into updates; `memory` holds its vectors (momentum, moments). */
export interface UpdateRule {
  readonly name: string
  readonly memoryVectors: number
  /** Where the gradient is taken; default at θ. Recorded in a compiled program. */
  lookAhead?(theta: Tensor, memory: readonly Tensor[]): Tensor
  /**
   * The next θ and memory. Recorded in a compiled program.
   * @param step updates done so far, plus one, as a scalar.
   */
  update(
    theta: Tensor,
    gradient: Tensor,
    memory: readonly Tensor[],
    step: Tensor,
  ): { theta: Tensor; memory: readonly Tensor[] }
}

export interface MinibatchOptions {
  /** Cases per update; default 200. */
  readonly batch?: number
  /** Updates per step record; default one pass over the data. */
  readonly updatesPerStep?: number
  /** Seed of the shuffling; default 0. */
  readonly seed?: number
}

/** Cases of minibatch number `update`, from the permutation of its pass. */
function* minibatches(key: RandomKey, cases: number, batch: number): Generator<Uint32Array, never> {
  for (let pass = 0; ; pass++) {
    const order = randomPermutation(foldIn(key, pass), cases)
    for (let start = 0; start < cases; start += batch) yield order.subarray(start, start + batch)
  }
}

/**
 * Minimises by the rule.
 * @throws {ArgumentError} for a batch size or count that is not a positive integer.
 */
export function minimiseByMinibatches<P>(
  problem: Problem<P>,
  rule: UpdateRule,
  initial: P,
  options: MinimiseOptions,
  { batch = 200, updatesPerStep, seed = 0 }: MinibatchOptions,
): Minimisation<P, StepRecord> {
  requirePositiveInteger(rule.name, 'batch', batch)
  if (updatesPerStep !== undefined) requirePositiveInteger(rule.name, 'updatesPerStep', updatesPerStep)
  const state = createParameterState(initial)
  const { backend } = state

  async function* steps(report: (initial: InitialEvaluation) => void): AsyncGenerator<StepRecord, void> {
    const begun = performance.now()
    const data = uploadDataset(options.data, backend)
    const heldOut = uploadDataset(options.heldOut, backend)
    const objective = createObjective(
      problem,
      state.layout,
      defaultChunkLength(state.backend, Math.max(data.cases, heldOut.cases)),
    )
    // A batch is not padded to the length that suits whole passes.
    const batchLength = Math.min(batch, objective.chunkLength)
    const work = new WorkCounter()
    const heldOutSample = prepareSample(heldOut, allCases(heldOut), objective.chunkLength, state.layout.dtype)
    const lookAhead = jit(
      (theta: Tensor, memory: readonly Tensor[]) => rule.lookAhead?.(theta, memory) ?? theta,
    )
    const update = jit(rule.update.bind(rule), { name: rule.name, donate: [0, 1, 2] })
    const zeroVector = jit(() => zeros([state.layout.size], state.layout.dtype), { backend })
    let memory: readonly Tensor[] = Array.from({ length: rule.memoryVectors }, () => zeroVector())
    let updates = 0
    const batches = minibatches(randomKey(seed), data.cases, batch)
    const perStep = updatesPerStep ?? Math.ceil(data.cases / batch)
    const evaluate = async (): Promise<{ loss: number; metric: number }> => {
      work.add({ lossCases: heldOutSample.cases })
      return objective.evaluate(state.vector, heldOutSample)
    }
    const oneUpdate = async (sample: Sample): Promise<number> => {
      const at = rule.lookAhead === undefined ? state.vector : lookAhead(state.vector, memory)
      const { loss, gradient } = await objective.gradient(at, sample)
      if (at !== state.vector) at.dispose()
      work.add({ gradientCases: sample.cases })
      const step = scalarLike(++updates, gradient)
      const next = update(state.vector, gradient, memory, step)
      step.dispose()
      state.replaceConsumed(next.theta)
      memory = next.memory
      return loss
    }
    try {
      const first = await evaluate()
      report({ heldOutLoss: first.loss, heldOutMetric: first.metric })
      for (let iteration = 1; iteration <= (options.iterations ?? Infinity); iteration++) {
        let [total, seen] = [0, 0]
        for (let i = 0; i < perStep; i++) {
          if (options.signal?.aborted === true) return
          const sample = prepareSample(data, batches.next().value, batchLength, state.layout.dtype)
          // A short minibatch counts by its cases, so that a pass reports the mean over its cases.
          total += sample.cases * (await oneUpdate(sample))
          seen += sample.cases
          sample.dispose()
          options.onProgress?.({ phase: 'gradient', iteration, cases: (i + 1) * batch, of: perStep * batch })
        }
        const { loss, metric } = await evaluate()
        yield {
          iteration,
          trainingLoss: total / seen,
          heldOutLoss: loss,
          heldOutMetric: metric,
          seconds: (performance.now() - begun) / 1000,
          work: work.total,
        }
      }
    } finally {
      for (const vector of memory) vector.dispose()
      heldOutSample.dispose()
      for (const compiled of [lookAhead, update, zeroVector]) compiled.dispose()
      objective.dispose()
      data.dispose()
      heldOut.dispose()
    }
  }

  return runOnState(state, steps)
}

function requirePositiveInteger(operation: string, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return
  throw new ArgumentError({ operation, rule: `${name} must be a positive integer`, found: String(value) })
}
