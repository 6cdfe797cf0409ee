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

/** `receive` is told whom to give messages to. */
export function teamWorker(receive: (handler: (message: WorkerMessage) => void) => void): void {
  type Run = (table: number, thread: number, threads: number) => void
  interface Team {
    readonly start: Extract<WorkerMessage, { kind: 'start' }>
    /** The memory grows, but the control block stays where it is. */
    readonly words: Int32Array
  }
  let team: Team | undefined
  const imports: WebAssembly.Imports = {}
  const programs = new Map<number, Run>()
  let taken = 0
  let runs = 0

  const take = (message: WorkerMessage): void => {
    switch (message.kind) {
      case 'start':
        imports.env = { memory: message.memory }
        team = { start: message, words: new Int32Array(message.memory.buffer, 0, 256) }
        break
      case 'matrix':
        imports.matrix = new WebAssembly.Instance(message.module, imports).exports
        break
      case 'program':
        programs.set(message.number, new WebAssembly.Instance(message.module, imports).exports.run as Run)
        break
      case 'forget':
        programs.delete(message.number)
    }
    taken++
  }

  /** Serves runs until there are messages to take. */
  const serve = ({ start, words }: Team): void => {
    const { control, spins, thread, threads } = start
    const load = (address: number): number => Atomics.load(words, address / 4)
    let left = spins
    for (;;) {
      const bell = load(control.bell)
      if (load(control.sent) !== taken || load(control.failed) !== 0) return
      if (load(control.runs) !== runs) {
        runs = load(control.runs)
        try {
          const program = programs.get(load(control.program))
          if (program === undefined) throw new Error('the program was never sent')
          program(load(control.table), thread, threads)
        } catch {
          Atomics.store(words, control.failed / 4, 1)
          Atomics.notify(words, control.turn / 4)
          return
        }
        left = spins
        continue
      }
      while (left > 0 && load(control.bell) === bell) left--
      if (load(control.bell) !== bell) continue
      Atomics.add(words, control.asleep / 4, 1)
      Atomics.wait(words, control.bell / 4, bell)
      Atomics.sub(words, control.asleep / 4, 1)
      left = spins
    }
  }

  receive((message) => {
    take(message)
    if (team === undefined) return
    Atomics.add(team.words, team.start.control.taken / 4, 1)
    serve(team)
  })
}
