/**
 * How the n parameters are divided for products with a matrix of pairs, P [m, n]: into blocks of `blockLength`, so
 * that in P v and cᵀP the stretch of the vector that belongs to a block stays in the first-level cache while m rows
 * pass by, and P is read once. What is left over at the end is a block of its own.
 *
 * Sums: a backend may add the products of a block in float32; the blocks' sums are added by `sum`, in float64 from
 * stretch to stretch where the backend can. The error of an inner product stays near 2⁻²⁴ ‖a‖ ‖b‖ whatever n is, and
 * below 4e-6 even for equal terms, whose roundings all point one way.
 * Both constants are heuristics, measured on vectors of 2.8 million elements.
 */
import type { Tensor } from '@hessian-free/tensor'
import { broadcastTo, concatenate, dotGeneral } from '@hessian-free/tensor'

/** Elements of a block: 16 KiB in float32. */
export const blockLength = 4096
/** Elements of a matrix that one span of a program should hold, so that the next kernel finds them in a cache. */
const spanElements = 2 ** 22
/** Bounds the number of kernels of a program. */
const mostSpans = 64

/** `blocks` blocks of `length` parameters from `start` on. */
export interface ParameterSpan {
  readonly start: number
  readonly blocks: number
  readonly length: number
}

const end = ({ start, blocks, length }: ParameterSpan): number => start + blocks * length

/** All n parameters in spans of at most `most` blocks of a length. */
function spansOf(n: number, length: number, most: number): ParameterSpan[] {
  const whole = Math.floor(n / length)
  const spans: ParameterSpan[] = []
  for (let block = 0; block < whole; block += most) {
    spans.push({ start: block * length, blocks: Math.min(most, whole - block), length })
  }
  const rest = n - whole * length
  return rest === 0 ? spans : [...spans, { start: n - rest, blocks: 1, length: rest }]
}

/** The parameters in as few spans as possible: one, and one for what is left over. */
export const wholeSpans = (n: number): ParameterSpan[] => spansOf(n, blockLength, Infinity)

/**
 * Spans short enough for m rows of one to stay in a cache.
 * @param length of a block.
 */
export function cachedSpans(n: number, m: number, length = blockLength): ParameterSpan[] {
  const fitting = Math.floor(spanElements / (m * length))
  return spansOf(n, length, Math.max(1, fitting, Math.ceil(n / length / mostSpans)))
}

/** The part of a flat vector in a span, as [blocks, length]. */
export const spanOfVector = (v: Tensor, span: ParameterSpan): Tensor =>
  v.slice([span.start], [end(span)]).reshape([span.blocks, span.length])

/** The part of a matrix [m, n] in a span, as [m, blocks, length]. */
export const spanOfMatrix = (p: Tensor, span: ParameterSpan): Tensor =>
  p.slice([0, span.start], [p.shape[0], end(span)]).reshape([p.shape[0], span.blocks, span.length])

/** P v in a span, block by block: [m, blocks, length] · [blocks, length] → [blocks, m]. */
export const blockProducts = (p: Tensor, v: Tensor): Tensor =>
  dotGeneral(p, v, { lhsBatch: [1], rhsBatch: [0], lhsContract: [2], rhsContract: [1] })

/** Adds the products of all blocks: → [m]. */
export const sumOfBlocks = (products: readonly Tensor[]): Tensor => concatenate(products, 0).sum(0)

/** P v of all parameters: [m, n] · [n] → [m]. */
export const innerProducts = (p: Tensor, v: Tensor): Tensor =>
  sumOfBlocks(wholeSpans(v.size).map((span) => blockProducts(spanOfMatrix(p, span), spanOfVector(v, span))))

/** cᵀP in a span: [m] · [m, blocks, length] → [blocks, length]. */
export const combination = (c: Tensor, p: Tensor): Tensor => {
  const [m, blocks] = p.shape
  const everywhere = broadcastTo(c.reshape([1, m]), [blocks, m])
  return dotGeneral(everywhere, p, { lhsBatch: [0], rhsBatch: [1], lhsContract: [1], rhsContract: [0] })
}

/** Parts of a vector, span after span, as the flat vector. */
export const joinSpans = (parts: readonly Tensor[]): Tensor =>
  concatenate(
    parts.map((part) => part.reshape([part.size])),
    0,
  )
