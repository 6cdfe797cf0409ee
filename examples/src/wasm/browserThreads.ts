/**
 * Runs in a page: the wasm backend on the page's main thread, which must compute alone, and in a worker of the page, where
 * a team of workers must give the same bits as one thread. The module loads itself as that worker.
 */
import { createWasmBackend, jit, softmax, tanh, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'

export interface BrowserThreads {
  /** What the backend says on the main thread of the page. */
  readonly onPage: { readonly threads: number; readonly reason?: string }
  readonly inWorker: { readonly threads: number; readonly reason?: string; readonly sharedRuns: number }
  /** Elements whose bits differ between one thread and two, runs before and after the workers had started. */
  readonly differences: number
  readonly elements: number
}

const numbers = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.61803398875))

/** The results of a small network, three times: alone, then with the team. */
async function results(threads: number) {
  const backend = createWasmBackend({ threads })
  const body = jit((x: Tensor, w: Tensor) => {
    const h = tanh(x.dot(w))
    return [softmax(h, 1), x.transpose().dot(h), h.sum()]
  })
  const x = tensor(numbers(301 * 257), { shape: [301, 257], backend })
  const w = tensor(numbers(257 * 203), { shape: [257, 203], backend })
  const words: Uint32Array[] = []
  for (let run = 0; run < 3; run++) {
    for (const output of body(x, w)) words.push(new Uint32Array((await output.read()).buffer))
    await backend.synchronize()
  }
  const { threadUse } = backend
  backend.dispose()
  return { threadUse, words }
}

async function compare(): Promise<Omit<BrowserThreads, 'onPage'>> {
  const [one, two] = [await results(1), await results(2)]
  let [differences, elements] = [0, 0]
  one.words.forEach((want, i) => {
    elements += want.length
    want.forEach((word, j) => (differences += Number(word !== two.words[i][j])))
  })
  return { inWorker: two.threadUse, differences, elements }
}

/** Called in the page. */
export async function run(): Promise<BrowserThreads> {
  const page = createWasmBackend({ threads: 2 })
  const worker = new Worker(import.meta.url, { type: 'module' })
  const inside = await new Promise<Omit<BrowserThreads, 'onPage'>>((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      resolve(data as Omit<BrowserThreads, 'onPage'>)
    }
    worker.onerror = ({ message }) => {
      reject(new Error(message))
    }
  })
  worker.terminate()
  return { onPage: page.threadUse, ...inside }
}

if (typeof document === 'undefined') postMessage(await compare())
