/**
 * How threads divide the units of a stage: into parts that are fixed by the number of units and of threads, each taken by
 * whichever thread comes next,
 *   part p of P = min(units, threads · partsPerThread):  units ⌈units·p / P⌉ … ⌈units·(p + 1) / P⌉ − 1.
 * Which thread computes a unit changes nothing in the result. Taking turns was chosen over equal shares because the
 * cores of shared machines differ in speed from one millisecond to the next (measured: by a factor of two), and everybody
 * would wait for the slowest.
 */
import type { FunctionBuilder, Local } from './assembler/functionBuilder.ts'
import { pushMinimum } from './assembler/minimum.ts'
import type { Stage, TableWord } from './stage.ts'

/** Heuristic: the last part to end costs at most a fraction of it, and parts still are long runs of rows. */
const partsPerThread = 4

export interface SharingLocals {
  /** Address of the table. */
  readonly table: Local
  readonly thread: Local
  readonly threads: Local
  /** Address of the thread's own scratch memory. */
  readonly own: Local
}

/** The parts taken of a stage are counted in `counter`, which is 0 before a run; undefined where no threads share it. */
export function createSharing(f: FunctionBuilder, { table, thread, threads, own }: SharingLocals) {
  const first = f.local('i32')
  const limit = f.local('i32')
  const part = f.local('i32')
  const parts = f.local('i32')

  /** Pushes ⌈units·(part + ahead) / parts⌉. */
  const boundary = (units: number, ahead: number): FunctionBuilder =>
    f
      .localGet(part)
      .i32Const(ahead)
      .i32Add()
      .i32Const(units)
      .i32Mul()
      .localGet(parts)
      .i32Add()
      .i32Const(1)
      .i32Sub()
      .localGet(parts)
      .i32DivU()

  return ({ target, words, units, condition }: Stage, counter: TableWord | undefined): void => {
    const call = (): void => {
      for (const word of words) f.localGet(table).i32Load(4 * word)
      f.localGet(own).localGet(first).localGet(limit).call(target)
    }
    const whole = (): void => {
      f.i32Const(0).localSet(first).i32Const(units).localSet(limit)
      call()
    }
    const takeParts = (taken: TableWord): void => {
      f.localGet(threads).i32Const(partsPerThread).i32Mul().localSet(parts)
      pushMinimum(f, parts, units).localSet(parts)
      f.block((exit) => {
        f.loop((again) => {
          f.localGet(table)
            .i32Const(4 * taken)
            .i32Add()
            .i32Const(1)
            .i32AtomicAdd()
            .localTee(part)
          f.localGet(parts).i32GeU().brIf(exit)
          boundary(units, 0).localSet(first)
          boundary(units, 1).localSet(limit)
          call()
          f.br(again)
        })
      })
    }
    const shared = (): void => {
      if (units === 1 || counter === undefined) {
        f.localGet(thread).i32Eqz()
        f.ifElse(whole)
      } else {
        f.localGet(threads).i32Const(1).i32Eq()
        f.ifElse(whole, () => {
          takeParts(counter)
        })
      }
    }
    if (condition === undefined) shared()
    else {
      f.localGet(table).i32Load(4 * condition)
      f.ifElse(shared)
    }
  }
}
