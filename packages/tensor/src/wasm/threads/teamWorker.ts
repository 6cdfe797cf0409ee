/**
 * All that a worker does: it spins and then parks at the bell of the control block, runs the program that stands there,
 * and goes back to its event loop only to take messages, of which there is one for each new program.
 *
 * The text of `teamWorker` is the source of the worker, so that neither bundlers nor test runners have to know about it.
 * It must not refer to anything outside itself.
 */
import type { controlBlock } from './controlBlock.ts'

export type ControlBlock = typeof controlBlock

export type WorkerMessage =
  | {
      readonly kind: 'start'
      readonly memory: WebAssembly.Memory
      readonly control: ControlBlock
      /** Number of this thread; the caller is thread 0. */
      readonly thread: number
      readonly threads: number
      /** Looks at the bell before parking. */
      readonly spins: number
    }
  | { readonly kind: 'matrix'; readonly module: WebAssembly.Module }
  | { readonly kind: 'program'; readonly number: number; readonly module: WebAssembly.Module }
  | { readonly kind: 'forget'; readonly number: number }

type Run = (table: number, thread: number, threads: number) => void

/**
 * `receive` is told whom to give messages to. All functions inside are methods or nameless: compilers that keep names
 * wrap named ones into a helper of their own, which the text would refer to.
 */
export function teamWorker(receive: (handler: (message: WorkerMessage) => void) => void): void {
  const worker = {
    /** The memory grows, but the control block stays where it is. */
    words: new Int32Array(0),
    start: undefined as Extract<WorkerMessage, { kind: 'start' }> | undefined,
    imports: {} as WebAssembly.Imports,
    programs: new Map<number, Run>(),
    taken: 0,
    runs: 0,
    hasLeft: false,

    load(address: number): number {
      return Atomics.load(this.words, address / 4)
    },

    take(message: WorkerMessage): void {
      switch (message.kind) {
        case 'start':
          this.start = message
          this.imports.env = { memory: message.memory }
          this.words = new Int32Array(message.memory.buffer, 0, 256)
          break
        case 'matrix':
          this.imports.matrix = new WebAssembly.Instance(message.module, this.imports).exports
          break
        case 'program': {
          const { exports } = new WebAssembly.Instance(message.module, this.imports)
          this.programs.set(message.number, exports.run as Run)
          break
        }
        case 'forget':
          this.programs.delete(message.number)
      }
      this.taken++
    },

    /** Says that this worker has nothing under way and never will have. */
    leave(control: ControlBlock): void {
      if (this.hasLeft) return
      this.hasLeft = true
      Atomics.add(this.words, control.left / 4, 1)
      Atomics.notify(this.words, control.left / 4)
    },

    /** Serves runs until there are messages to take. */
    serve(): void {
      if (this.start === undefined) return
      const { control, spins, thread, threads } = this.start
      let left = spins
      for (;;) {
        const bell = this.load(control.bell)
        if (this.load(control.failed) !== 0) {
          this.leave(control)
          return
        }
        if (this.load(control.sent) !== this.taken) return
        if (this.load(control.runs) !== this.runs) {
          this.runs = this.load(control.runs)
          try {
            const program = this.programs.get(this.load(control.program))
            if (program === undefined) throw new Error('the program was never sent')
            program(this.load(control.table), thread, threads)
          } catch {
            Atomics.store(this.words, control.failed / 4, 1)
            Atomics.notify(this.words, control.turn / 4)
          }
          left = spins
          continue
        }
        while (left > 0 && this.load(control.bell) === bell) left--
        if (this.load(control.bell) !== bell) continue
        Atomics.add(this.words, control.asleep / 4, 1)
        Atomics.wait(this.words, control.bell / 4, bell)
        Atomics.sub(this.words, control.asleep / 4, 1)
        left = spins
      }
    },
  }

  receive((message) => {
    worker.take(message)
    if (worker.start === undefined) return
    Atomics.add(worker.words, worker.start.control.taken / 4, 1)
    worker.serve()
  })
}
