/**
 * Workers of the platform at hand: `node:worker_threads` or the browser's `Worker`, both from a source text. Nothing is
 * imported, so that one bundle works in both.
 */
import { teamWorker } from './teamWorker.ts'
import type { WorkerMessage } from './teamWorker.ts'

/** A running worker. */
export interface WorkerHandle {
  post(message: WorkerMessage): void
  terminate(): void
}

/** What is used of `node:worker_threads`. */
interface NodeWorkers {
  readonly Worker: new (
    source: string,
    options: { readonly eval: true; readonly execArgv: readonly string[]; readonly name: string },
  ) => {
    postMessage(message: WorkerMessage): void
    terminate(): Promise<number>
    unref(): void
    on(event: 'error', listener: (error: Error) => void): void
    on(event: 'exit', listener: () => void): void
  }
}

/** Parts of Node's `process` that matter here. */
interface NodeProcess {
  readonly versions?: { readonly node?: string }
  readonly getBuiltinModule?: (name: string) => unknown
}

/** Node's `process`, or undefined elsewhere. */
export function nodeProcess(): NodeProcess | undefined {
  const { process } = globalThis as { readonly process?: NodeProcess }
  return process?.versions?.node === undefined ? undefined : process
}

/** Why no workers can share memory with this thread; undefined if they can. */
export function whyNoThreads(): string | undefined {
  const node = nodeProcess()
  if (node !== undefined) {
    return node.getBuiltinModule === undefined ? 'threads need Node 20.16 or newer' : undefined
  }
  const scope = globalThis as { readonly crossOriginIsolated?: boolean; readonly document?: unknown }
  if (typeof Worker !== 'function') return 'this platform has no workers'
  if (scope.crossOriginIsolated !== true) {
    return (
      'the page is not cross-origin isolated; serve it with Cross-Origin-Opener-Policy: same-origin and ' +
      'Cross-Origin-Embedder-Policy: require-corp'
    )
  }
  return scope.document === undefined
    ? undefined
    : "a page's main thread may not wait for others; compute in a worker"
}

/** Starts a worker. @param failed is told of errors that the worker does not catch. */
export function startWorker(name: string, failed: (reason: string) => void): WorkerHandle {
  const source = (receive: string): string => `(${teamWorker.toString()})(${receive})`
  const node = nodeProcess()
  if (node?.getBuiltinModule !== undefined) {
    const { Worker: NodeWorker } = node.getBuiltinModule('node:worker_threads') as NodeWorkers
    const receive = "(handler) => require('node:worker_threads').parentPort.on('message', handler)"
    const worker = new NodeWorker(source(receive), { eval: true, execArgv: [], name })
    worker.on('error', ({ message }) => {
      failed(message)
    })
    worker.on('exit', () => {
      failed('the worker has ended')
    })
    worker.unref()
    return {
      post(message) {
        worker.postMessage(message)
      },
      terminate() {
        void worker.terminate()
      },
    }
  }
  const receive = '(handler) => { self.onmessage = ({ data }) => handler(data) }'
  const url = URL.createObjectURL(new Blob([source(receive)], { type: 'text/javascript' }))
  const worker = new Worker(url, { name })
  // A worker that may not start gives an event without a message.
  worker.onerror = ({ message }: { readonly message?: string }) => {
    failed(
      message === undefined || message === ''
        ? 'the worker could not start; a content security policy must allow worker-src blob:'
        : message,
    )
  }
  return {
    post(message) {
      worker.postMessage(message)
    },
    terminate() {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}
