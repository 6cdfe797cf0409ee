/**
 * A browser's `Worker` on Node's worker threads, as far as jax-js uses it: it starts a pool from the URL of a Blob, sends
 * messages and receives them. Without it jax-js finds no workers in Node and runs on one thread.
 */
import { resolveObjectURL } from 'node:buffer'
import { Worker } from 'node:worker_threads'

/** What the pool's source expects to find in a worker. */
const prelude = `
const { parentPort } = require('node:worker_threads')
globalThis.self = globalThis
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer)
parentPort.on('message', (data) => globalThis.onmessage?.({ data }))
`

class BrowserWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  onerror: ((event: { readonly message: string }) => void) | null = null
  private readonly started: Promise<Worker>

  constructor(url: string | URL) {
    this.started = this.start(String(url))
    this.started.catch((error: unknown) => this.onerror?.({ message: String(error) }))
  }

  private async start(url: string): Promise<Worker> {
    const blob = resolveObjectURL(url)
    if (blob === undefined) throw new Error(`no Blob behind ${url}`)
    const worker = new Worker(prelude + (await blob.text()), { eval: true })
    worker.on('message', (data: unknown) => this.onmessage?.({ data }))
    worker.on('error', ({ message }) => this.onerror?.({ message }))
    return worker
  }

  postMessage(message: unknown): void {
    void this.started.then((worker) => {
      worker.postMessage(message)
    })
  }

  terminate(): void {
    void this.started.then((worker) => worker.terminate())
  }
}

/** Gives this process a global `Worker` and as many processors as jax-js shall start workers. */
export function offerBrowserWorkers(count: number): void {
  Object.defineProperty(globalThis, 'Worker', { value: BrowserWorker, configurable: true })
  Object.defineProperty(globalThis, 'navigator', {
    value: { hardwareConcurrency: count, userAgent: 'Node' },
    configurable: true,
  })
}
