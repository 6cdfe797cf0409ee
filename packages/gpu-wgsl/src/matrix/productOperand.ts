/**
 * An operand of a product as generators see it: a matrix over (outer, depth), outer being rows of the left operand and
 * columns of the right one, so that one loader serves both. A transposition is a matter of which stride is 1.
 *
 *   element = offset + batch·batchStride + outer·outerStride + depth·depthStride
 *
 * Quads: four elements that one vector load brings. They run along an axis of unit stride whose extent is a multiple of
 * four, and everything else must keep them on multiples of four. Strides are numbers modulo 2³², as u32 arithmetic is,
 * so negative ones need no case of their own.
 */
import type { BufferIndex, DotKernel, StoredOperand } from '@hessian-free/tensor'
import { storedOperand } from '@hessian-free/tensor'
import { elementIndex } from '../wgsl/indexArithmetic.ts'

export interface ProductOperand {
  readonly buffer: BufferIndex
  readonly offset: number
  readonly batchStride: number
  readonly outerStride: number
  readonly depthStride: number
  readonly outerExtent: number
  /** The axis along which vectors of four can be loaded. */
  readonly quads: 'outer' | 'depth' | 'none'
}

const onQuads = (numbers: readonly number[]): boolean => numbers.every((number) => number % 4 === 0)

function operandOf(
  { buffer, view: { offset } }: StoredOperand,
  [batchStride, outerStride, depthStride]: readonly number[],
  outerExtent: number,
  depth: number,
): ProductOperand {
  const strides = { batchStride, outerStride, depthStride }
  const quads =
    outerStride === 1 && onQuads([outerExtent, depthStride, batchStride, offset])
      ? 'outer'
      : depthStride === 1 && onQuads([depth, outerStride, batchStride, offset])
        ? 'depth'
        : 'none'
  return { buffer, offset, ...strides, outerExtent, quads }
}

/** @throws {ProgramError} for an operand that is not stored. */
export function leftOperand({ lhs, rows, depth }: DotKernel): ProductOperand {
  const stored = storedOperand(lhs)
  return operandOf(stored, stored.view.strides, rows, depth)
}

/** @throws {ProgramError} for an operand that is not stored. */
export function rightOperand({ rhs, columns, depth }: DotKernel): ProductOperand {
  const stored = storedOperand(rhs)
  const [batchStride, depthStride, outerStride] = stored.view.strides
  return operandOf(stored, [batchStride, outerStride, depthStride], columns, depth)
}

/** A constant of type u32, modulo 2³². */
export const u32Literal = (value: number): string => `${value < 0 ? value + 2 ** 32 : value}u`

/** WGSL of offset + Σ stride·index; `divisor` 4 gives the number of a quad. */
export const affine = (
  offset: number,
  terms: readonly (readonly [stride: number, index: string])[],
  divisor: 1 | 4 = 1,
): string =>
  elementIndex(
    { offset: offset / divisor, strides: terms.map(([stride]) => stride / divisor) },
    terms.map(([, index]) => index),
  )

/** Index of (batch, outer, depth 0); `outer` is a WGSL expression within the extent. */
export const elementBase = (
  { offset, batchStride, outerStride }: ProductOperand,
  batch: string,
  outer: string,
): string =>
  affine(offset, [
    [batchStride, batch],
    [outerStride, outer],
  ])

/** Number of the quad along the depth that starts at (batch, outer, depth 0). */
export const depthQuadBase = (
  { offset, batchStride, outerStride }: ProductOperand,
  batch: string,
  outer: string,
): string =>
  affine(
    offset,
    [
      [batchStride, batch],
      [outerStride, outer],
    ],
    4,
  )

/** Number of the quad that holds outer elements 4·quad … 4·quad + 3 at depth 0. */
export const outerQuadBase = ({ offset, batchStride }: ProductOperand, batch: string, quad: string): string =>
  affine(
    offset,
    [
      [batchStride, batch],
      [4, quad],
    ],
    4,
  )
