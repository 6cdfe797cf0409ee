/**
 * Threads that run one function of a WebAssembly module at the same time, each on a memory of its own: what several cores
 * give together, caches and memory channels shared, without any of the project's own coordination.
 *
 * They meet at a spinning gate before each run, and a run takes as long as its slowest thread.
 */
import { Worker } from 'node:worker_threads'

/**
 * Source of a thread. Text, because a bundle has no file of its own for it and Node 20 loads no TypeScript.
 * `gate[0]` counts arrivals over all runs.
 */
const source = `
const { parentPort, workerData } = require('node:worker_threads')
const { module, pages, threads, shared } = workerData
const memory = new WebAssembly.Memory({ initial: pages })
const { exports } = new WebAssembly.Instance(module, { env: { memory } })
const gate = new Int32Array(shared)
new Float32Array(memory.buffer).fill(1)
let turn = 0
parentPort.on('message', ({ name, repeats }) => {
  turn++
  Atomics.add(gate, 0, 1)
  while (Atomics.load(gate, 0) < threads * turn) {}
  const start = performance.now()
  exports[name](repeats)
  parentPort.postMessage(performance.now() - start)
})
parentPort.postMessage(0)
`

export interface ThreadTeam {
  /** Milliseconds that the slowest thread takes for `repeats` turns of an exported function `(repeats) → ()`. */
  run(name: string, repeats: number): Promise<number>
  /** As `run`, with as many repeats as take `wanted` milliseconds; gives those of one repeat. */
  runFor(name: string, wanted: number): Promise<number>
  close(): Promise<void>
}

/** @param module imports `env.memory`; @param pages of 64 KiB of memory for each thread, filled with ones. */
export async function createThreadTeam(
  module: WebAssembly.Module,
  pages: number,
  threads: number,
): Promise<ThreadTeam> {
  const shared = new SharedArrayBuffer(4)
  const workers = Array.from(
    { length: threads },
    () => new Worker(source, { eval: true, workerData: { module, pages, threads, shared } }),
  )
  const reply = (worker: Worker): Promise<number> =>
    new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        worker.off('message', receive).off('error', fail)
        end()
      }
      const receive = (milliseconds: number): void => {
        settle(() => {
          resolve(milliseconds)
        })
      }
      const fail = (error: Error): void => {
        settle(() => {
          reject(error)
        })
      }
      worker.on('message', receive).on('error', fail)
    })
  await Promise.all(workers.map(reply))
  const run: ThreadTeam['run'] = async (name, repeats) => {
    const replies = workers.map(reply)
    for (const worker of workers) worker.postMessage({ name, repeats })
    return Math.max(...(await Promise.all(replies)))
  }
  const repeatsOf = new Map<string, number>()
  return {
    run,
    async runFor(name, wanted) {
      let repeats = repeatsOf.get(name) ?? 0
      if (repeats === 0) {
        for (repeats = 1; repeats < 1 << 20 && (await run(name, repeats)) < wanted;) repeats *= 2
        repeatsOf.set(name, repeats)
      }
      return (await run(name, repeats)) / repeats
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
