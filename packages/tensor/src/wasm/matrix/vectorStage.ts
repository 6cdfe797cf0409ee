/**
 * Matrix times vector as stages: the matrix is read once, where it lies. `vector` is the product with a single column,
 * the product itself or its transpose; a vector that is not contiguous is copied first. A unit is a run of `rowsPerUnit`
 * results.
 */
import type { DotKernel, StoredOperand } from '../../kernel/kernel.ts'
import { storedOperand } from '../../kernel/kernelAccess.ts'
import { addSegmentLoop } from '../segmentLoop.ts'
import type { Stage, StageContext } from '../stage.ts'
import { stageParameters, stageSignature } from '../stage.ts'

/** Heuristic: whole cache lines of results, and enough work for a call. A multiple of four rows. */
const rowsPerUnit = 16

/** A product of a single column whose operands are in memory. */
interface VectorProduct extends Pick<DotKernel, 'batch' | 'rows' | 'depth' | 'accumulator' | 'stores'> {
  readonly lhs: StoredOperand
  readonly rhs: StoredOperand
}

/** The product of a single column that a product is, or undefined. */
export function asVector(kernel: DotKernel): VectorProduct | undefined {
  const { rows, columns, accumulator, stores } = kernel
  const [lhs, rhs] = [storedOperand(kernel.lhs), storedOperand(kernel.rhs)]
  const turned = <T extends { readonly view: DotKernel['stores'][0]['view'] }>(each: T): T => {
    const [batch, row, column] = each.view.strides
    return { ...each, view: { ...each.view, strides: [batch, column, row] } }
  }
  if (columns !== 1 && rows !== 1) return undefined
  const vector: VectorProduct =
    columns === 1
      ? { ...kernel, lhs, rhs }
      : {
          ...kernel,
          rows: columns,
          lhs: turned(rhs),
          rhs: turned(lhs),
          ...(accumulator === undefined ? {} : { accumulator: turned(accumulator) }),
          stores: [turned(stores[0])],
        }
  const [, rowStride, depthStride] = vector.lhs.view.strides
  return depthStride === 1 || rowStride === 1 ? vector : undefined
}

export function vectorStages(context: StageContext, vector: VectorProduct): Stage[] {
  const { module, matrix } = context
  const { batch, rows, depth, lhs, rhs, accumulator, stores } = vector
  const [output] = stores
  const addend = accumulator ?? output
  const path = lhs.view.strides[2] === 1 ? 'rowDots' : 'columnSums'
  const direct = accumulator === undefined && output.view.strides[1] === 1
  const [batchStride, rowStride, depthStride] = lhs.view.strides.map((stride) => 4 * stride)
  const units = Math.ceil(rows / rowsPerUnit)
  const copied = rhs.view.strides[1] !== 1
  const stages: Stage[] = []
  const contiguous = copied ? context.sharedScratch(4 * depth * batch) : context.wordOf(rhs.buffer)
  if (copied) {
    const words = [context.wordOf(rhs.buffer), contiguous]
    const target = module.addFunction(stageSignature(2), (f, parameters) => {
      const { words: pointers, first, limit } = stageParameters(parameters)
      addSegmentLoop(f, { first, limit, length: 1 }, ({ segment }) => {
        f.localGet(pointers[0])
          .i32Const(4 * rhs.view.offset)
          .i32Add()
        f.localGet(segment)
          .i32Const(4 * rhs.view.strides[0])
          .i32Mul()
          .i32Add()
        f.i32Const(4 * rhs.view.strides[1])
          .i32Const(depth)
          .i32Const(1)
          .i32Const(0)
          .i32Const(0)
        f.localGet(pointers[1])
          .localGet(segment)
          .i32Const(4 * depth)
          .i32Mul()
          .i32Add()
        f.i32Const(4).i32Const(0).call(matrix.merge)
      })
    })
    stages.push({ target, words, units: batch, waits: false })
  }
  const vectorOffset = copied ? 0 : 4 * rhs.view.offset
  const vectorStride = copied ? 4 * depth : 4 * rhs.view.strides[0]
  const words = [
    context.wordOf(lhs.buffer),
    contiguous,
    context.wordOf(output.buffer),
    context.wordOf(addend.buffer),
  ]
  if (!direct) context.ownScratch(4 * rows)
  const target = module.addFunction(stageSignature(words.length), (f, parameters) => {
    const { words: pointers, own, first, limit } = stageParameters(parameters)
    const [matrixBase, vectorBase, outputBase, addendBase] = pointers
    const row = f.local('i32')
    const count = f.local('i32')
    const to = f.local('i32')
    const element = ({ view }: typeof addend, base: typeof row, segment: typeof row): void => {
      f.localGet(base)
        .i32Const(4 * view.offset)
        .i32Add()
      f.localGet(segment)
        .i32Const(4 * view.strides[0])
        .i32Mul()
        .i32Add()
      f.localGet(row)
        .i32Const(4 * view.strides[1])
        .i32Mul()
        .i32Add()
    }
    addSegmentLoop(f, { first, limit, length: units }, ({ segment, start, end }) => {
      f.localGet(start).i32Const(rowsPerUnit).i32Mul().localSet(row)
      f.localGet(end).i32Const(rowsPerUnit).i32Mul().localTee(count).i32Const(rows)
      f.localGet(count).i32Const(rows).i32LtS().select().localGet(row).i32Sub().localSet(count)
      if (direct) element(output, outputBase, segment)
      else f.localGet(own)
      f.localSet(to)
      f.localGet(matrixBase)
        .i32Const(4 * lhs.view.offset)
        .i32Add()
      f.localGet(segment).i32Const(batchStride).i32Mul().i32Add()
      f.localGet(row).i32Const(rowStride).i32Mul().i32Add()
      f.i32Const(path === 'rowDots' ? rowStride : depthStride)
      f.localGet(vectorBase).i32Const(vectorOffset).i32Add()
      f.localGet(segment).i32Const(vectorStride).i32Mul().i32Add()
      f.localGet(to).localGet(count).i32Const(depth).call(matrix[path])
      if (direct) return
      f.localGet(own).i32Const(4).localGet(count).i32Const(1)
      element(addend, addendBase, segment)
      f.i32Const(4 * addend.view.strides[1])
      element(output, outputBase, segment)
      f.i32Const(4 * output.view.strides[1])
      f.i32Const(accumulator === undefined ? 0 : 1).call(matrix.merge)
    })
  })
  stages.push({ target, words, units: batch * units, waits: copied })
  return stages
}
