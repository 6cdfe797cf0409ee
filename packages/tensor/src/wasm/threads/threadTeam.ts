/**
 * Persistent workers that execute programs together with the caller over one shared memory. There is no message for a
 * run: the caller writes what to run into the control block, rings the bell, does its own share as thread 0, and has
 * finished when all have, because every program ends in a barrier.
 *
 * Workers start and learn new programs in their own time: until all have taken every message the caller runs programs
 * alone, with the same result, so that it never waits for an event loop.
 */
import type { WasmAllocator } from '../wasmAllocator.ts'
import { controlBlock } from './controlBlock.ts'
import type { WorkerMessage } from './teamWorker.ts'
import type { WorkerHandle } from './workerHost.ts'
import { startWorker } from './workerHost.ts'

/**
 * Heuristic: looks at the bell before a worker parks, some hundreds of microseconds: about as long as JavaScript takes
 * between two products of a conjugate gradient run. Waking a parked worker costs some tens of microseconds.
 */
const spinsAtBell = 100_000

/** Milliseconds that the caller waits after a failure for workers to end their shares. Heuristic. */
const patience = 10_000

export class ThreadTeam {
  /** The caller's included. */
  readonly threads: number
  readonly #words: Int32Array
  readonly #workers: WorkerHandle[] = []
  #sent = 0
  #programs = 0
  #failure: string | undefined
  readonly #forgotten = new FinalizationRegistry<number>((number) => {
    if (this.#failure === undefined) this.#send({ kind: 'forget', number })
  })

  /** Starts `threads` − 1 workers over a shared memory; the team has failed if that is refused. */
  constructor(threads: number, { memory }: WasmAllocator) {
    this.threads = threads
    this.#words = new Int32Array(memory.buffer, 0, 256)
    for (let thread = 1; thread < threads; thread++) {
      const failed = (reason: string): void => {
        this.fail(`worker ${thread}: ${reason}`)
      }
      try {
        this.#workers.push(startWorker(`hessian-free thread ${thread}`, failed))
      } catch (error) {
        // Refused by Node's permission model, say: the caller goes on alone.
        failed(error instanceof Error ? error.message : String(error))
        return
      }
    }
    this.#announce()
    this.#workers.forEach((worker, i) => {
      worker.post({
        kind: 'start',
        memory,
        control: controlBlock,
        thread: i + 1,
        threads,
        spins: spinsAtBell,
      })
    })
  }

  /** Why the team no longer works, or undefined. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Whether all workers have taken all messages and can run. */
  get isAttentive(): boolean {
    return this.#failure === undefined && this.#load(controlBlock.taken) === this.#sent * this.#workers.length
  }

  /** Blocks until the team is attentive or has failed; workers need nothing of the caller's event loop in Node. */
  waitUntilAttentive(): void {
    while (this.#failure === undefined && !this.isAttentive) {
      Atomics.wait(this.#words, controlBlock.taken / 4, this.#load(controlBlock.taken), 1)
    }
  }

  /** Gives the workers the functions that programs with matrix products import. Before any such program. */
  loadMatrix(module: WebAssembly.Module): void {
    this.#send({ kind: 'matrix', module })
  }

  /** Makes a program known to the workers; forgotten once `owner` is unreachable. @returns its number. */
  loadProgram(module: WebAssembly.Module, owner: object): number {
    const number = this.#programs++
    this.#send({ kind: 'program', number, module })
    this.#forgotten.register(owner, number)
    return number
  }

  /** Runs of the team so far. */
  get runs(): number {
    return this.#load(controlBlock.runs) >>> 0
  }

  /** Has the workers run a program; `own` is the caller's share, which ends when all shares have. */
  run(program: number, table: number, own: () => void): void {
    Atomics.store(this.#words, controlBlock.program / 4, program)
    Atomics.store(this.#words, controlBlock.table / 4, table)
    Atomics.add(this.#words, controlBlock.runs / 4, 1)
    this.#ring()
    try {
      own()
    } catch (error) {
      this.#abandonRun()
      this.fail(error instanceof Error ? error.message : String(error))
      throw error
    }
  }

  /** Ends the team: nobody waits for it any more. */
  fail(reason: string): void {
    this.#failure ??= reason
    this.dispose()
  }

  /** Ends the workers, also parked ones. */
  dispose(): void {
    this.#failure ??= 'disposed of'
    Atomics.store(this.#words, controlBlock.failed / 4, 1)
    this.#ring()
    for (const worker of this.#workers.splice(0)) worker.terminate()
  }

  /** Returns when the workers write nothing any more, so that the memory may be used for something else. */
  #abandonRun(): void {
    Atomics.store(this.#words, controlBlock.failed / 4, 1)
    Atomics.notify(this.#words, controlBlock.turn / 4)
    this.#ring()
    const end = performance.now() + patience
    for (;;) {
      const left = this.#load(controlBlock.left)
      if (left === this.#workers.length || performance.now() >= end) return
      Atomics.wait(this.#words, controlBlock.left / 4, left, 50)
    }
  }

  #load(address: number): number {
    return Atomics.load(this.#words, address / 4)
  }

  /** Says that a message comes, before it is posted: a worker that finds it announced waits for it. */
  #announce(): void {
    this.#sent++
    Atomics.store(this.#words, controlBlock.sent / 4, this.#sent)
    this.#ring()
  }

  #send(message: WorkerMessage): void {
    this.#announce()
    for (const worker of this.#workers) worker.post(message)
  }

  #ring(): void {
    Atomics.add(this.#words, controlBlock.bell / 4, 1)
    if (this.#load(controlBlock.asleep) > 0) Atomics.notify(this.#words, controlBlock.bell / 4)
  }
}
