/**
 * The ceiling of matrix products: the micro-kernel alone, over and over on the same packed panels, which stay in the
 * first-level cache. What a product loses against it is packing, traffic to memory, edges and coordination.
 *
 *   flops of one repeat = 2 · depth · side²
 */
import type { Ceiling } from '../row.ts'
import type { Timing } from '../interleave.ts'
import type { MicroKernel } from './emission.ts'
import {
  chooseMicroKernel,
  countedLoop,
  createModuleBuilder,
  microKernelBody,
  microKernelSignature,
  preferredMultiplyAdd,
} from './emission.ts'
import { createThreadTeam } from './threadTeam.ts'

const depth = 192
/** 9 KiB of a left and 12 KiB of a right operand, as repeats of every candidate's tile: rows 2, 4, 6; columns 8, 16. */
const leftRows = 12
const rightColumns = 16
const flops = 2 * depth * leftRows * rightColumns
/** Turns of one repeat: long enough that the loop around them does not count. */
const turns = 16

const right = 4 * depth * leftRows
const output = right + 4 * depth * rightColumns

function ceilingModule(kernel: MicroKernel): WebAssembly.Module {
  const module = createModuleBuilder()
  module.importMemory('env', 'memory', { minimumPages: 1 })
  const micro = module.addFunction(microKernelSignature, microKernelBody(kernel))
  const width = 4 * kernel.vectors
  module.addFunction(
    { parameters: ['i32'], results: [] },
    (f, [repeats]) => {
      const repeat = f.local('i32')
      countedLoop(f, { counter: repeat, start: 0, end: repeats }, () => {
        for (let turn = 0; turn < turns; turn++) {
          for (let j = 0; j < rightColumns; j += width) {
            for (let i = 0; i < leftRows; i += kernel.rows) {
              f.i32Const(4 * depth * i)
                .i32Const(right + 4 * depth * j)
                .i32Const(depth)
              f.i32Const(0).i32Const(0)
              f.i32Const(output + 4 * (i * rightColumns + j))
                .i32Const(4 * rightColumns)
                .i32Const(0)
              f.call(micro)
            }
          }
        }
      })
    },
    'multiply',
  )
  return new WebAssembly.Module(module.build())
}

export interface MicroKernelCeiling {
  /** Of the micro-kernel that products in this process use, as in "4×8, unroll 4, relaxed multiply-add". */
  readonly kernel: string
  /** Milliseconds of one repeat. */
  readonly run: () => Promise<number>
  readonly ceilingOf: (timing: Timing) => Ceiling
  readonly close: () => Promise<void>
}

/** Threads that multiply at the same time. */
export async function microKernelCeiling(threads: number): Promise<MicroKernelCeiling> {
  const kernel = chooseMicroKernel(preferredMultiplyAdd(false))
  const team = await createThreadTeam(ceilingModule(kernel), 1, threads)
  const rate = (milliseconds: number): number => (threads * turns * flops) / milliseconds / 1e6
  return {
    kernel: `${kernel.rows}×${4 * kernel.vectors}, unroll ${kernel.unroll}, ${kernel.multiplyAdd} multiply-add`,
    run: () => team.runFor('multiply', 4),
    ceilingOf: ({ milliseconds, least }) => ({
      name: 'micro-kernel',
      rate: rate(milliseconds),
      bestRate: rate(least),
    }),
    close: () => team.close(),
  }
}
