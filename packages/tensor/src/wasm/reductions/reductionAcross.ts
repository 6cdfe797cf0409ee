/**
 * Reduction with the lanes along a reduced axis: for each kept index all rows along that axis are accumulated in
 * several chains of vectors; then chains and lanes are folded and the epilogue computes one element.
 */
import type { FunctionBuilder } from '../assembler/functionBuilder.ts'
import { emitLoopInvariants, emitStores, emitValues } from '../loops/loopBody.ts'
import { vectorsPerTurn } from '../loops/loopKernelRows.ts'
import { nest, repeat } from '../loops/loopNest.ts'
import type { Accumulator } from './reductionAccumulator.ts'
import { createAccumulator } from './reductionAccumulator.ts'
import type { ReductionBody } from './reductionKernel.ts'

/** Accumulates one row along the lane axis. */
function emitReducedRow(
  f: FunctionBuilder,
  { prologue, extents }: ReductionBody,
  axis: number,
  chains: number,
  accumulator: Accumulator,
): void {
  const zeros = extents.map(() => 0)
  const known = emitLoopInvariants(f, prologue, [axis], { axis, at: zeros, lanes: 4 })
  const count = extents[axis]
  const width = 4 * chains
  const add = (chain: number, position: number, lanes: number): void => {
    const at = zeros.map((zero, a) => (a === axis ? position : zero))
    const [value] = emitValues(f, prologue, { axis, at, lanes }, known)
    accumulator.add(chain, value, lanes)
  }
  const turns = (number: number): void =>
    repeat(f, number, () => {
      for (let chain = 0; chain < chains; chain++) add(chain, 4 * chain, 4)
      accumulator.endTurn()
      prologue.cursors.advance(axis, width)
    })
  const allTurns = Math.floor(count / width)
  const blocks = Math.floor(allTurns / accumulator.blockLength)
  repeat(f, blocks, () => {
    accumulator.beginBlock()
    turns(accumulator.blockLength)
    accumulator.endBlock()
  })
  const done = allTurns * width
  if (blocks * accumulator.blockLength * width < count || blocks === 0) {
    accumulator.beginBlock()
    turns(blocks === 0 ? allTurns : allTurns - blocks * accumulator.blockLength)
    for (let position = done; position < count; position += 4) {
      add((position - done) / 4, position - done, Math.min(4, count - position))
    }
    accumulator.endBlock()
  }
  prologue.cursors.advance(axis, -done)
}

/** The whole kernel. */
export function emitReduceAcross(f: FunctionBuilder, body: ReductionBody, lane: number): void {
  const { kernel, prologue, epilogue, isResult, extents, keptRank } = body
  const chains = kernel.reducer === 'argMax' ? 1 : vectorsPerTurn(prologue)
  const dtype = kernel.nodes[kernel.operand].dtype
  const accumulator = createAccumulator(f, kernel.reducer, dtype, { direction: 'across', chains })
  const loops = extents.map((count, axis) => ({ axis, count }))
  const otherReduced = loops.slice(keptRank).filter(({ axis }) => axis !== lane)
  nest(f, prologue.cursors, loops.slice(0, keptRank), () => {
    accumulator.begin()
    nest(f, prologue.cursors, otherReduced, () => emitReducedRow(f, body, lane, chains, accumulator))
    const [result] = accumulator.finish()
    const place = { axis: undefined, at: extents.map(() => 0), lanes: 1 }
    const values = emitValues(f, epilogue, place, undefined, (input) =>
      isResult(input) ? result : undefined,
    )
    emitStores(f, epilogue, place, values)
  })
}
