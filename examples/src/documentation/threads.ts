import { createWasmBackend, jit, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'

const numbers = Float32Array.from({ length: 512 * 512 }, (_, i) => Math.sin(i))

/** x xᵀ by so many threads, and what the backend says of them. */
export async function gramMatrix(threads: number) {
  const backend = createWasmBackend({ threads })
  const product = jit((x: Tensor) => x.dot(x.transpose()))
  const x = tensor(numbers, { shape: [512, 512], backend })
  product(x).dispose() // by one thread: the others start meanwhile
  await backend.synchronize() // until they have
  const elements = await product(x).read() // by all of them
  const { threadUse } = backend // { threads: 2, sharedRuns: 1 }, and a reason where it is one instead
  backend.dispose() // ends the threads
  return { elements, threadUse }
}
