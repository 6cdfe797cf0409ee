/** Work that a peer is asked for by name and sizes; both sides make the same numbers (`numbers.ts`). */
import type { NetworkCase } from '../network/networkCase.ts'

export interface ProductCase {
  readonly kind: 'product'
  /** [m, k] times [k, n]; `batch` of them, if given. */
  readonly m: number
  readonly k: number
  readonly n: number
  readonly batch?: number
  /** The operand lies transposed in memory. */
  readonly left: boolean
  readonly right: boolean
}

/** (tanh(x·y) + x)·½, or the sum of x, over `count` elements. */
export interface ElementCase {
  readonly kind: 'chain' | 'sum'
  readonly count: number
}

export interface TrainingCase extends NetworkCase {
  readonly kind: 'training'
}

export type PeerCase = ProductCase | ElementCase | TrainingCase

/** Elements of a result that both sides compare, evenly over the whole. */
export function sampleOf(values: ArrayLike<number>): number[] {
  const stride = Math.max(1, Math.floor(values.length / 997))
  return Array.from({ length: Math.ceil(values.length / stride) }, (_, i) => values[i * stride])
}

/** Operands in the order of memory. */
export const productShapes = ({ m, k, n, batch, left, right }: ProductCase): [number[], number[]] => {
  const lead = batch === undefined ? [] : [batch]
  return [
    [...lead, ...(left ? [k, m] : [m, k])],
    [...lead, ...(right ? [n, k] : [k, n])],
  ]
}

export const productFlops = ({ m, k, n, batch = 1 }: ProductCase): number => 2 * batch * m * k * n

/** Range of the numbers of an element case: where tanh is neither linear nor flat. */
export const elementRange = 8
