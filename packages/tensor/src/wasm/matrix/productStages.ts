/**
 * C = epilogue((acc +) A·B) for operands of any size and strides, as stages. The general way packs both operands and
 * multiplies panels; matrix times vector and products without terms have ways of their own.
 */
import type { DotKernel, MapKernel, ScalarNode } from '../../kernel/kernel.ts'
import { storedOperand } from '../../kernel/kernelAccess.ts'
import type { Stage, StageContext } from '../stage.ts'
import { addDotEpilogue, hasPlainResult, mapStages } from '../loops/loopKernel.ts'
import { packingStage, panelKey } from './packingStage.ts'
import type { PackedSide } from './packingStage.ts'
import { panelLayout } from './panelLayout.ts'
import { panelsStage } from './panelsStage.ts'
import { asVector, vectorStages } from './vectorStage.ts'

const waiting = (stages: readonly Stage[]): Stage[] =>
  stages.map((stage, i) => (i === 0 ? { ...stage, waits: true } : stage))

/** The epilogue as a kernel of its own over the raw product, which stands where the first store goes. */
function epilogueKernel(
  { batch, rows, columns, epilogue, stores }: DotKernel,
  result: ScalarNode,
): MapKernel {
  const nodes = epilogue.map((node): ScalarNode => (node.kind === 'result' ? result : node))
  return { kind: 'map', domain: [batch, rows, columns], nodes, stores }
}

const rawResult = ({ stores, dtype }: DotKernel): ScalarNode => {
  const [{ buffer, view }] = stores
  return { kind: 'load', buffer, view, dtype }
}

/** No terms to add: the accumulator, or zero. */
function emptyProduct(context: StageContext, kernel: DotKernel): Stage[] {
  const { accumulator, dtype } = kernel
  const result: ScalarNode =
    accumulator === undefined
      ? { kind: 'constant', value: 0, dtype }
      : { kind: 'load', buffer: accumulator.buffer, view: accumulator.view, dtype }
  return mapStages(context, epilogueKernel(kernel, result))
}

/** Consecutive matrices that share the right operand are one taller matrix, for the epilogue too. */
function collapseBatch(kernel: DotKernel): DotKernel {
  const { batch, rows, accumulator, epilogue, stores } = kernel
  const [lhs, rhs] = [storedOperand(kernel.lhs), storedOperand(kernel.rhs)]
  if (batch <= 1 || rhs.view.strides[0] !== 0) return kernel
  const views = [
    lhs.view,
    ...(accumulator === undefined ? [] : [accumulator.view]),
    ...epilogue.flatMap((node) => ('view' in node ? [node.view] : [])),
    ...stores.map(({ view }) => view),
  ]
  if (!views.every(({ strides }) => strides[0] === rows * strides[1])) return kernel
  return { ...kernel, batch: 1, rows: batch * rows }
}

/**
 * The product adds rows of unit stride only. An accumulator that is transposed, or repeated along the columns, is
 * first copied to where the product goes, and added from there.
 */
function storableAccumulator(kernel: DotKernel): { readonly copy?: MapKernel; readonly kernel: DotKernel } {
  const { accumulator, batch, rows, columns, dtype, stores } = kernel
  if (accumulator === undefined || columns === 1 || accumulator.view.strides[2] === 1) return { kernel }
  const { buffer, view } = stores[0]
  const copy: MapKernel = {
    kind: 'map',
    domain: [batch, rows, columns],
    nodes: [{ kind: 'load', ...accumulator, dtype }],
    stores: [{ node: 0, buffer, view }],
  }
  return { copy, kernel: { ...kernel, accumulator: { buffer, view } } }
}

function panelStages(context: StageContext, kernel: DotKernel): Stage[] {
  const { batch, rows, columns, depth } = kernel
  const [lhs, rhs] = [storedOperand(kernel.lhs), storedOperand(kernel.rhs)]
  const { leftWidth, rightWidth } = context.matrix
  const entries = (stride: number): number => (stride === 0 ? 1 : batch)
  const left = panelLayout(rows, leftWidth, depth, entries(lhs.view.strides[0]))
  const right = panelLayout(columns, rightWidth, depth, entries(rhs.view.strides[0]))
  const sides: PackedSide[] = [
    { side: 'left', operand: lhs, layout: left },
    { side: 'right', operand: rhs, layout: right },
  ]
  const panels = sides.map((side) =>
    context.panels({ buffer: side.operand.buffer, key: panelKey(side), bytes: side.layout.bytes }),
  )
  // Heuristic: rows where there are enough of them for any number of threads, because epilogues work on rows.
  const split = batch * left.panels >= 32 || left.panels >= right.panels ? 'rows' : 'columns'
  const plain = hasPlainResult(kernel)
  const multiply = panelsStage(context, {
    kernel,
    left,
    right,
    leftPanels: panels[0].address,
    rightPanels: panels[1].address,
    split,
    epilogue: plain || split === 'columns' ? undefined : addDotEpilogue(context.module, kernel),
  })
  const after =
    plain || split === 'rows' ? [] : waiting(mapStages(context, epilogueKernel(kernel, rawResult(kernel))))
  return [...sides.map((side, i) => packingStage(context, side, panels[i])), multiply, ...after]
}

/** The stages of a product. @throws {DtypeError} for float64. */
export function productStages(context: StageContext, original: DotKernel): Stage[] {
  if (original.depth === 0) return emptyProduct(context, original)
  const { copy, kernel } = storableAccumulator(original)
  const before = copy === undefined ? [] : mapStages(context, copy)
  const vector = asVector(kernel)
  if (vector !== undefined) {
    const stages = vectorStages(context, vector)
    const after = hasPlainResult(kernel)
      ? []
      : waiting(mapStages(context, epilogueKernel(kernel, rawResult(kernel))))
    return [...before, ...(copy === undefined ? stages : waiting(stages)), ...after]
  }
  const stages = panelStages(context, collapseBatch(kernel))
  return [...before, ...stages]
}
