/**
 * The ceilings of memory-bound work, each thread on its own share of the elements, in cache or in memory as the size
 * decides: copying, and reading into sums. Which loop a memory likes best is not known beforehand, so a few are tried on
 * the spot and the fastest is the ceiling: `memory.copy`, which calls the C library; vectors one after another; vectors of
 * four places far apart, which keep more of memory busy.
 *
 * Four vectors in a turn of a loop: with eight, V8 up to 12 runs out of registers.
 */
import type { Timing } from '../interleave.ts'
import type { Ceiling } from '../row.ts'
import { countedLoop, createModuleBuilder } from './emission.ts'
import type { ThreadTeam } from './threadTeam.ts'
import { createThreadTeam } from './threadTeam.ts'

const vectors = 4
const block = 16 * vectors

const copying = ['copyByLibrary', 'copyInOrder', 'copyApart'] as const
const reading = ['readInOrder', 'readApart'] as const

function ceilingModule(bytes: number): WebAssembly.Module {
  const module = createModuleBuilder()
  module.importMemory('env', 'memory', { minimumPages: 1 })
  const signature = { parameters: ['i32'], results: [] } as const
  const [copyByLibrary, ...copyLoops] = copying
  module.addFunction(
    signature,
    (f, [repeats]) => {
      const repeat = f.local('i32')
      countedLoop(f, { counter: repeat, start: 0, end: repeats }, () => {
        f.i32Const(bytes).i32Const(0).i32Const(bytes).memoryCopy()
      })
    },
    copyByLibrary,
  )
  for (const name of [...copyLoops, ...reading]) {
    const apart = name.endsWith('Apart')
    const copies = copying.some((each) => each === name)
    module.addFunction(
      signature,
      (f, [repeats]) => {
        const repeat = f.local('i32')
        const place = f.local('i32')
        const end = f.local('i32')
        const sums = Array.from({ length: vectors }, () => f.local('v128'))
        f.i32Const(apart ? bytes / vectors : bytes).localSet(end)
        countedLoop(f, { counter: repeat, start: 0, end: repeats }, () => {
          countedLoop(f, { counter: place, start: 0, end, step: apart ? 16 : block }, () => {
            sums.forEach((sum, i) => {
              const offset = apart ? (i * bytes) / vectors : 16 * i
              if (copies)
                f.localGet(place)
                  .localGet(place)
                  .v128Load(offset)
                  .v128Store(bytes + offset)
              else f.localGet(sum).localGet(place).v128Load(offset).f32x4Add().localSet(sum)
            })
          })
        })
        // Stored, so that no engine may leave the loop out.
        if (copies) return
        sums.forEach((sum, i) => {
          f.i32Const(16 * i)
            .localGet(sum)
            .v128Store()
        })
      },
      name,
    )
  }
  return new WebAssembly.Module(module.build())
}

const wantedMilliseconds = 3
const trials = 3

/** Milliseconds of one repeat of the fastest of some functions, which are tried on the first call. */
function fastestOf(team: ThreadTeam, names: readonly string[]): () => Promise<number> {
  let fastest: string | undefined
  return async () => {
    if (fastest === undefined) {
      const best = new Map(names.map((name) => [name, Infinity]))
      for (let trial = 0; trial < trials; trial++) {
        for (const [name, least] of best) {
          best.set(name, Math.min(least, await team.runFor(name, wantedMilliseconds)))
        }
      }
      fastest = [...best].reduce((a, b) => (b[1] < a[1] ? b : a))[0]
    }
    return team.runFor(fastest, wantedMilliseconds)
  }
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
    copy: fastestOf(team, copying),
    read: fastestOf(team, reading),
    copyCeiling: ceiling('copy', 2 * bytes),
    readCeiling: ceiling('read', bytes),
    close: () => team.close(),
  }
}
