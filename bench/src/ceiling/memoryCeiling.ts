/**
 * The ceilings of memory-bound work: `memory.copy` (reads and writes each byte once) and a sum with eight vector
 * accumulators (reads only), each thread on its own share of the elements. In cache or in memory as the size decides.
 */
import type { Timing } from '../interleave.ts'
import type { Ceiling } from '../row.ts'
import { countedLoop, createModuleBuilder } from './emission.ts'
import { createThreadTeam } from './threadTeam.ts'

const accumulators = 8
const block = 16 * accumulators

function ceilingModule(bytes: number): WebAssembly.Module {
  const module = createModuleBuilder()
  module.importMemory('env', 'memory', { minimumPages: 1 })
  const signature = { parameters: ['i32'], results: [] } as const
  module.addFunction(
    signature,
    (f, [repeats]) => {
      const repeat = f.local('i32')
      countedLoop(f, { counter: repeat, start: 0, end: repeats }, () => {
        f.i32Const(bytes).i32Const(0).i32Const(bytes).memoryCopy()
      })
    },
    'copy',
  )
  module.addFunction(
    signature,
    (f, [repeats]) => {
      const repeat = f.local('i32')
      const place = f.local('i32')
      const end = f.local('i32')
      const sums = Array.from({ length: accumulators }, () => f.local('v128'))
      f.i32Const(bytes).localSet(end)
      countedLoop(f, { counter: repeat, start: 0, end: repeats }, () => {
        countedLoop(f, { counter: place, start: 0, end, step: block }, () => {
          sums.forEach((sum, i) => {
            f.localGet(sum)
              .localGet(place)
              .v128Load(16 * i)
              .f32x4Add()
              .localSet(sum)
          })
        })
      })
      // Stored, so that no engine may leave the loop out.
      sums.forEach((sum, i) => {
        f.i32Const(16 * i)
          .localGet(sum)
          .v128Store()
      })
    },
    'read',
  )
  return new WebAssembly.Module(module.build())
}

export interface MemoryCeiling {
  /** Milliseconds of one repeat over all elements. */
  readonly copy: () => Promise<number>
  readonly read: () => Promise<number>
  readonly copyCeiling: (timing: Timing) => Ceiling
  readonly readCeiling: (timing: Timing) => Ceiling
  readonly close: () => Promise<void>
}

/** @param count float32 elements in all; each thread takes an equal share. */
export async function memoryCeiling(count: number, threads: number): Promise<MemoryCeiling> {
  const bytes = Math.ceil((4 * count) / threads / block) * block
  const team = await createThreadTeam(ceilingModule(bytes), Math.ceil((2 * bytes) / 65536), threads)
  const ceiling =
    (name: string, bytesMoved: number) =>
    ({ milliseconds, least }: Timing): Ceiling => ({
      name,
      rate: (threads * bytesMoved) / milliseconds / 1e6,
      bestRate: (threads * bytesMoved) / least / 1e6,
    })
  return {
    copy: () => team.runFor('copy', 3),
    read: () => team.runFor('read', 3),
    copyCeiling: ceiling('copy', 2 * bytes),
    readCeiling: ceiling('read', bytes),
    close: () => team.close(),
  }
}
