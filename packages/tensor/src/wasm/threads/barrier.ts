/**
 * A barrier in shared memory: no thread passes until all have arrived.
 *
 *   turn ← load(turn);  if add(arrived, 1) = threads − 1:  arrived ← 0, turn ← turn + 1, wake those that parked
 *   else spin until turn changes; then park until it does.
 *
 * The counter of turns is what is waited for, so that a thread which comes to the next barrier early cannot be
 * confused with one that has not left this one. Spinning is brief: where another process has the core of a thread, the
 * others soon sleep. A sleeper looks up now and then, and traps if a thread has failed, so that nobody waits for ever.
 */
import type { FunctionIndex } from '../assembler/functionBuilder.ts'
import type { ModuleBuilder } from '../assembler/moduleBuilder.ts'
import { controlBlock } from './controlBlock.ts'

/** Heuristic: loads before a thread parks, some tens of microseconds. */
const spins = 20_000

/** Nanoseconds after which a sleeper asks whether a thread has failed. */
const lookUp = 50_000_000n

/**
 * Heuristic: times that a sleeper looks up before it takes a silent thread for dead, ten minutes. Nothing else tells it:
 * news of a dead worker come to the caller's event loop, which stands still meanwhile. A process that is stopped as a
 * whole looks up once.
 */
const usualPatience = 12_000

/** Adds `(threads) → ()`. The memory must be shared. @param patience times to look up before giving up. */
export function addBarrier(module: ModuleBuilder, patience: number = usualPatience): FunctionIndex {
  const wait = addWait(module)
  return module.addFunction({ parameters: ['i32'], results: [] }, (f, [threads]) => {
    const turn = f.local('i32')
    const left = f.local('i32')
    const load = (address: number) => f.i32Const(address).i32AtomicLoad()
    const passed = () => load(controlBlock.turn).localGet(turn).i32Ne()
    const sleep = (): void => {
      f.i32Const(controlBlock.parked).i32Const(1).i32AtomicAdd().drop()
      f.i32Const(patience).localSet(left)
      f.loop((again) => {
        load(controlBlock.failed).localGet(left).i32Eqz().i32Or()
        f.ifElse(() => {
          f.unreachable()
        })
        f.localGet(turn).call(wait)
        f.localGet(left).i32Const(1).i32Sub().localSet(left)
        passed().i32Eqz().brIf(again)
      })
      f.i32Const(controlBlock.parked).i32Const(-1).i32AtomicAdd().drop()
    }
    load(controlBlock.turn).localSet(turn)
    f.i32Const(controlBlock.arrived).i32Const(1).i32AtomicAdd()
    f.localGet(threads).i32Const(1).i32Sub().i32Eq()
    f.ifElse(
      () => {
        f.i32Const(controlBlock.arrived).i32Const(0).i32AtomicStore()
        f.i32Const(controlBlock.turn).localGet(turn).i32Const(1).i32Add().i32AtomicStore()
        load(controlBlock.parked)
        f.ifElse(() => {
          f.i32Const(controlBlock.turn).i32Const(-1).atomicNotify().drop()
        })
      },
      () => {
        f.block((exit) => {
          f.i32Const(spins).localSet(left)
          f.loop((again) => {
            passed().brIf(exit)
            f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(again)
          })
          sleep()
        })
      },
    )
  })
}

/**
 * Adds `(turn) → ()`, which waits until the turn changes or it is time to look up. A function of its own, because the
 * baseline compiler of V8 (seen in Node 20) may lose a local across the wait instruction, but none across a call.
 */
function addWait(module: ModuleBuilder): FunctionIndex {
  return module.addFunction({ parameters: ['i32'], results: [] }, (f, [turn]) => {
    f.i32Const(controlBlock.turn).localGet(turn).i64Const(lookUp).atomicWait32().drop()
  })
}
