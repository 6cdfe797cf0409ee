/**
 * The arithmetic that element functions are written in: single instructions of a vector graph under their
 * mathematical names, and Horner's rule. float32 unless the name says otherwise.
 *
 * A product and a sum are always two roundings: results do not depend on whether the engine has a fused
 * multiply-add.
 */
import type { ShiftInstruction, VectorGraph, VectorInstruction, VectorNode } from './vectorGraph.ts'
import { floatFromBits } from './vectorGraph.ts'

type Binary = (v: VectorGraph, a: VectorNode, b: VectorNode) => VectorNode

const binary =
  (instruction: Exclude<VectorInstruction, ShiftInstruction>): Binary =>
  (v, a, b) =>
    v.apply(instruction, a, b)

export const add = binary('f32x4Add')
export const subtract = binary('f32x4Sub')
export const multiply = binary('f32x4Mul')
export const divide = binary('f32x4Div')
/** b where b < a, else a: a NaN in a stays, a NaN in b is ignored; one machine instruction. */
export const pseudoMinimum = binary('f32x4Pmin')
/** b where a < b, else a. */
export const pseudoMaximum = binary('f32x4Pmax')
export const addIntegers = binary('i32x4Add')
export const subtractIntegers = binary('i32x4Sub')
export const bitAnd = binary('v128And')
export const bitOr = binary('v128Or')
export const bitXor = binary('v128Xor')

export const absolute = (v: VectorGraph, x: VectorNode): VectorNode => v.apply('f32x4Abs', x)

/** The value of a constant as float32; undefined if the node is none. */
export const floatOf = (node: VectorNode): number | undefined =>
  node.kind === 'bits' ? floatFromBits(node.value) : undefined

/** The sign bits alone. */
export const signBits = (v: VectorGraph, x: VectorNode): VectorNode => bitAnd(v, x, v.integer(0x80000000))

/** Lane by lane, `whenTrue` where the mask is all ones, `whenFalse` where it is zero. */
export const selectLanes = (
  v: VectorGraph,
  mask: VectorNode,
  whenTrue: VectorNode,
  whenFalse: VectorNode,
): VectorNode => v.apply('v128Bitselect', whenTrue, whenFalse, mask)

const horner = (
  v: VectorGraph,
  x: VectorNode,
  coefficients: readonly VectorNode[],
  product: Exclude<VectorInstruction, ShiftInstruction>,
  sum: Exclude<VectorInstruction, ShiftInstruction>,
): VectorNode => coefficients.reduceRight((rest, c) => v.apply(sum, v.apply(product, rest, x), c))

/** c₀ + c₁·x + c₂·x² + …; coefficients lowest order first. */
export const polynomial = (v: VectorGraph, x: VectorNode, coefficients: readonly number[]): VectorNode =>
  horner(
    v,
    x,
    coefficients.map((c) => v.float(c)),
    'f32x4Mul',
    'f32x4Add',
  )

/** `polynomial` in float64. */
export const doublePolynomial = (
  v: VectorGraph,
  x: VectorNode,
  coefficients: readonly number[],
): VectorNode =>
  horner(
    v,
    x,
    coefficients.map((c) => v.double(c)),
    'f64x2Mul',
    'f64x2Add',
  )
