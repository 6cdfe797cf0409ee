/**
 * Expression graphs over 128-bit vectors: what an element function is made of before it becomes instructions.
 *
 * A node is one vector instruction applied to earlier nodes, or a constant, or an input that the kernel around
 * it loads. Equal nodes are one node (hash-consing), so a common subexpression, also one inside two element
 * functions (the exponential of a logistic function and of its derivative, say), is computed once. Nodes are
 * numbered in order of creation, which is an order of evaluation.
 */
import type { vectorInstructions } from '../assembler/vectorInstructions.ts'

/** An instruction that takes and gives whole vectors. */
export type VectorInstruction = keyof typeof vectorInstructions

/** Instructions that shift every lane by the same number of bits. */
export type ShiftInstruction = 'i32x4Shl' | 'i32x4ShrS' | 'i32x4ShrU' | 'i64x2Shl' | 'i64x2ShrU'

export type VectorNode = { readonly id: number } & (
  | { readonly kind: 'input'; readonly index: number }
  /** Four equal lanes, given by their bits. */
  | { readonly kind: 'bits'; readonly value: number }
  /** Two equal lanes. */
  | { readonly kind: 'double'; readonly value: number }
  | {
      readonly kind: 'instruction'
      readonly instruction: Exclude<VectorInstruction, ShiftInstruction>
      readonly operands: readonly VectorNode[]
    }
  | {
      readonly kind: 'shift'
      readonly instruction: ShiftInstruction
      readonly operands: readonly [VectorNode]
      readonly bits: number
    }
  | {
      readonly kind: 'shuffle'
      readonly operands: readonly [VectorNode, VectorNode]
      readonly lanes: readonly number[]
    }
)

type Unnumbered<Node> = Node extends VectorNode ? Omit<Node, 'id'> : never

export interface VectorGraph {
  /** A vector that the kernel supplies. */
  input(index: number): VectorNode
  /** Four float32 lanes, rounded to nearest. */
  float(value: number): VectorNode
  /** Four 32-bit lanes, modulo 2³². */
  integer(value: number): VectorNode
  /** Two float64 lanes. */
  double(value: number): VectorNode
  apply(
    instruction: Exclude<VectorInstruction, ShiftInstruction>,
    ...operands: readonly VectorNode[]
  ): VectorNode
  shift(instruction: ShiftInstruction, operand: VectorNode, bits: number): VectorNode
  /** Result lane i is lane `lanes[i]` of the eight 32-bit lanes of both operands. */
  shuffle(a: VectorNode, b: VectorNode, lanes: readonly number[]): VectorNode
}

const scratch = new DataView(new ArrayBuffer(4))

/** The bits of the nearest float32, as a signed integer. */
export function floatBits(value: number): number {
  scratch.setFloat32(0, value)
  return scratch.getInt32(0)
}

/** The float32 with those bits. */
export function floatFromBits(bits: number): number {
  scratch.setInt32(0, bits)
  return scratch.getFloat32(0)
}

/** An empty graph. */
export function createVectorGraph(): VectorGraph {
  const known = new Map<string, VectorNode>()
  const intern = (key: string, content: Unnumbered<VectorNode>): VectorNode => {
    const existing = known.get(key)
    if (existing !== undefined) return existing
    const node: VectorNode = { ...content, id: known.size }
    known.set(key, node)
    return node
  }
  const idsOf = (operands: readonly VectorNode[]): string => operands.map(({ id }) => id).join(',')
  const integer = (value: number): VectorNode =>
    intern(`bits ${value | 0}`, { kind: 'bits', value: value | 0 })
  return {
    integer,
    input: (index) => intern(`input ${index}`, { kind: 'input', index }),
    float: (value) => integer(floatBits(value)),
    double: (value) => intern(`double ${value}`, { kind: 'double', value }),
    apply: (instruction, ...operands) =>
      intern(`${instruction} ${idsOf(operands)}`, { kind: 'instruction', instruction, operands }),
    shift: (instruction, operand, bits) =>
      intern(`${instruction} ${operand.id} ${bits}`, {
        kind: 'shift',
        instruction,
        operands: [operand],
        bits,
      }),
    shuffle: (a, b, lanes) =>
      intern(`shuffle ${a.id},${b.id} ${lanes.join()}`, { kind: 'shuffle', operands: [a, b], lanes }),
  }
}
