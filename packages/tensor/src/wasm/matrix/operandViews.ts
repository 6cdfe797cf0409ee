/**
 * What the paths of a product ask about an operand, which is a matrix in memory or a prologue of many views, and how an
 * operand becomes a matrix in memory where a path reads it in place.
 */
import type { BufferIndex, DotOperand, MapKernel, StoredOperand, View } from '../../kernel/kernel.ts'
import { denseView } from '../../kernel/view.ts'
import { mapStages } from '../loops/loopKernel.ts'
import type { Stage, StageContext } from '../stage.ts'

/** All views of an operand. */
export const operandViews = (operand: DotOperand): View[] =>
  operand.kind === 'load'
    ? [operand.view]
    : operand.nodes.flatMap((node) => ('view' in node ? [node.view] : []))

/** The operand with other views. */
export const mapOperand = (operand: DotOperand, change: (view: View) => View): DotOperand =>
  operand.kind === 'load'
    ? { ...operand, view: change(operand.view) }
    : {
        ...operand,
        nodes: operand.nodes.map((node) => ('view' in node ? { ...node, view: change(node.view) } : node)),
      }

/** Matrices of an operand: 1 where all entries of a batch share one. */
export const entriesOf = (operand: DotOperand, batch: number): number =>
  operandViews(operand).every(({ strides }) => strides[0] === 0) ? 1 : batch

/** An operand in memory, and where the emitters find that memory. */
export interface PlacedOperand {
  /** Knows the buffer of the operand, which may be scratch memory. */
  readonly context: StageContext
  /** Write the operand where it is not in memory already. */
  readonly stages: readonly Stage[]
  readonly operand: StoredOperand
}

/** The operand over [batch, rows, columns] as it is where it is in memory, or evaluated into scratch memory. */
export const placeOperand = (
  context: StageContext,
  operand: DotOperand,
  shape: readonly [number, number, number],
): PlacedOperand =>
  operand.kind === 'load' ? { context, stages: [], operand } : evaluate(context, operand, shape)

/** A buffer in scratch memory, and a context that knows it. */
export function scratchBuffer(
  context: StageContext,
  elements: number,
): { readonly context: StageContext; readonly buffer: BufferIndex } {
  const word = context.sharedScratch(4 * elements)
  const buffer = context.buffers.length
  return {
    buffer,
    context: {
      ...context,
      buffers: [...context.buffers, { dtype: 'float32', elements, role: 'scratch' }],
      wordOf: (each) => (each === buffer ? word : context.wordOf(each)),
    },
  }
}

/** The operand, densely, in scratch memory. */
export function evaluate(
  context: StageContext,
  operand: DotOperand,
  [batch, rows, columns]: readonly [number, number, number],
): PlacedOperand {
  const domain = [entriesOf(operand, batch), rows, columns]
  const { context: wider, buffer } = scratchBuffer(context, domain[0] * rows * columns)
  const view = denseView(domain)
  const copy: MapKernel =
    operand.kind === 'load'
      ? {
          kind: 'map',
          domain,
          nodes: [{ ...operand, dtype: 'float32' }],
          stores: [{ node: 0, buffer, view }],
        }
      : { kind: 'map', domain, nodes: operand.nodes, stores: [{ node: operand.operand, buffer, view }] }
  return { context: wider, stages: mapStages(wider, copy), operand: { buffer, view } }
}
