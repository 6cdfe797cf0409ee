/**
 * Which values are stored and which stay expressions inside their consumers. A value is stored where something
 * must read it from memory (an operand of a product, an output) and, as heuristics:
 *   - where it ends the chain of element-wise equations that starts at a product or reduction, so that the chain
 *     becomes the epilogue of its kernel;
 *   - where computing it at several places costs more than a store and a load;
 *   - where a broadcast would repeat work for every copy;
 *   - where a kernel would bind too many buffers, or an expression would grow too long.
 * Storing is cheap to decide on: `groupSteps` drops the stores that nothing reads after fusion.
 */
import { isElementwise } from '../program/primitive.ts'
import type { Value } from '../program/program.ts'
import { sameShape } from '../shape.ts'
import type { Expression } from './expression.ts'
import { costOf, expensiveCost, fullSizeReads } from './expression.ts'
import type { StorageDemand } from './storageDemand.ts'

/** WebGPU guarantees eight storage buffers per shader; one of them is written. */
export const largestReadCount = 7
/** Heuristic: what a broadcast may repeat; a division already is better done once. */
export const broadcastCost = 3
/** Heuristic: an expression that reads more arrays of full size than this is stored rather than repeated. */
const repeatedReads = 2
/** Bounds the size of expressions, and with it the time of lowering. */
const longestExpression = 256

export class StoragePolicy {
  readonly #demand: StorageDemand
  /** Values that the epilogue of a product or reduction can still compute. */
  readonly #chained = new Set<Value>()

  constructor(demand: StorageDemand) {
    this.#demand = demand
  }

  /** Tells of the result of a product or reduction. */
  noteResult(value: Value): void {
    this.#chained.add(value)
  }

  /** Tells of an element-wise equation. */
  noteElementwise(inputs: readonly Value[], output: Value): void {
    const continues = inputs.some(
      (value) =>
        this.#chained.has(value) &&
        this.#demand.soleConsumer(value) !== undefined &&
        sameShape(value.shape, output.shape),
    )
    if (continues) this.#chained.add(output)
  }

  isStored(expression: Expression, value: Value): boolean {
    const demand = this.#demand
    if (demand.needsBuffer(value) || demand.isOutput(value)) return true
    if (costOf(expression) > longestExpression || this.#endsEpilogue(value)) return true
    const repeats = demand.sites(value) > 1
    return (
      repeats &&
      (costOf(expression) >= expensiveCost || fullSizeReads(expression, value.shape) > repeatedReads)
    )
  }

  #endsEpilogue(value: Value): boolean {
    if (!this.#chained.has(value)) return false
    const consumer = this.#demand.soleConsumer(value)
    return consumer === undefined || !isElementwise(consumer.primitive)
  }
}
