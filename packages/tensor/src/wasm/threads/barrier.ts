/**
 * A barrier in shared memory: no thread passes until all have arrived.
 *
 *   turn ← load(turn);  if add(arrived, 1) = threads − 1:  arrived ← 0, turn ← turn + 1, wake those that parked
 *   else spin until turn changes; then park until it does.
 *
 * The counter of turns is what is waited for, so that a thread which comes to the next barrier early cannot be
 * confused with one that has not left this one. Spinning is brief (a heuristic count of loads): where another process
 * has the core of a thread, the others soon sleep.
 */
import type { FunctionIndex } from '../assembler/functionBuilder.ts'
import type { ModuleBuilder } from '../assembler/moduleBuilder.ts'
import { controlBlock } from './controlBlock.ts'

const spins = 20_000

/** Adds `(threads) → ()`. The memory must be shared. */
export function addBarrier(module: ModuleBuilder): FunctionIndex {
  return module.addFunction({ parameters: ['i32'], results: [] }, (f, [threads]) => {
    const turn = f.local('i32')
    const left = f.local('i32')
    f.i32Const(controlBlock.turn).i32AtomicLoad().localSet(turn)
    f.i32Const(controlBlock.arrived).i32Const(1).i32AtomicAdd()
    f.localGet(threads).i32Const(1).i32Sub().i32Eq()
    f.ifElse(
      () => {
        f.i32Const(controlBlock.arrived).i32Const(0).i32AtomicStore()
        f.i32Const(controlBlock.turn).localGet(turn).i32Const(1).i32Add().i32AtomicStore()
        f.i32Const(controlBlock.parked).i32AtomicLoad()
        f.ifElse(() => {
          f.i32Const(controlBlock.turn).i32Const(-1).atomicNotify().drop()
        })
      },
      () => {
        const changed = () => f.i32Const(controlBlock.turn).i32AtomicLoad().localGet(turn).i32Ne()
        f.block((exit) => {
          f.i32Const(spins).localSet(left)
          f.loop((again) => {
            changed().brIf(exit)
            f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(again)
          })
          f.i32Const(controlBlock.parked).i32Const(1).i32AtomicAdd().drop()
          f.loop((again) => {
            f.i32Const(controlBlock.turn).localGet(turn).i64Const(-1n).atomicWait32().drop()
            changed().i32Eqz().brIf(again)
          })
          f.i32Const(controlBlock.parked).i32Const(-1).i32AtomicAdd().drop()
        })
      },
    )
  })
}
