/** Workers that may not start: the backend computes with one thread and says why. */
import { afterEach, expect, it, vi } from 'vitest'
import { jit } from '../../jit.ts'
import { tensor } from '../../operations/creation.ts'
import type { Tensor } from '../../tensor.ts'
import { wasmBackendWith } from '../wasmBackend.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

it('a worker that is refused ends those that have started, and the caller computes alone', async () => {
  const ended: string[] = []
  class RefusedWorker {
    constructor(
      _source: string,
      readonly options: { readonly name: string },
    ) {
      if (options.name.endsWith('3')) throw new Error('workers are not permitted here')
    }
    on(): void {}
    unref(): void {}
    postMessage(): void {}
    terminate(): void {
      ended.push(this.options.name)
    }
  }
  const backend = wasmBackendWith({ threads: 4 }, { isWorthThreads: () => true, waits: true })
  const x = tensor([1, 2, 3], { backend })
  const twice = jit((each: Tensor) => each.add(each))
  const getBuiltinModule = process.getBuiltinModule.bind(process)
  vi.spyOn(process, 'getBuiltinModule').mockImplementation((name: string) =>
    name === 'node:worker_threads' ? { Worker: RefusedWorker } : getBuiltinModule(name),
  )
  for (let run = 0; run < 2; run++) {
    using result = twice(x)
    expect([...(await result.read())]).toEqual([2, 4, 6])
    expect(backend.threadUse).toEqual({
      threads: 1,
      reason: 'worker 3: workers are not permitted here',
      sharedRuns: 0,
    })
  }
  expect(ended).toEqual(['hessian-free thread 1', 'hessian-free thread 2'])
  await backend.synchronize()
  backend.dispose()
})
