// Oracles: the elements that were uploaded; calls counted by a backend that stands in for a device.
import { describe, expect, it } from 'vitest'
import type { Backend } from './index.ts'
import {
  BackendError,
  LifetimeError,
  createReferenceBackend,
  createWasmBackend,
  readTensors,
  tensor,
} from './index.ts'

const numbers = (backend: Backend) =>
  [[1, 2, 3], [4], [5, 6]].map((values) => tensor(Float32Array.from(values), { backend }))
const wanted = [Float32Array.of(1, 2, 3), Float32Array.of(4), Float32Array.of(5, 6)]

describe.each([createReferenceBackend(), createReferenceBackend({ optimise: true }), createWasmBackend()])(
  'reading on $name',
  (backend) => {
    it('gives the elements in order, also of tensors that are freed or overwritten right after the call', async () => {
      const tensors = numbers(backend)
      const together = readTensors(tensors)
      const alone = tensors.map((each) => each.read())
      for (const each of tensors) each.dispose()
      const others = wanted.map(({ length }) => tensor(new Float32Array(length).fill(9), { backend }))
      expect(await together).toEqual(wanted)
      expect(await Promise.all(alone)).toEqual(wanted)
      for (const each of others) each.dispose()
      expect(backend.memory().liveBuffers).toBe(0)
    })
  },
)

describe('readTensors', () => {
  it('asks a backend that reads together once for several tensors, and reads a single one as ever', async () => {
    const inner = createReferenceBackend()
    const calls: number[] = []
    const backend: Backend = {
      ...inner,
      readTogether: (buffers) => {
        calls.push(buffers.length)
        return Promise.all(buffers.map((buffer) => inner.read(buffer)))
      },
    }
    const tensors = numbers(backend)
    expect(await readTensors(tensors)).toEqual(wanted)
    expect(await readTensors(tensors.slice(1, 2))).toEqual([wanted[1]])
    expect(await readTensors([])).toEqual([])
    expect(calls).toEqual([3])
  })

  it('refuses tensors of two backends and tensors disposed of', async () => {
    const backend = createReferenceBackend()
    using one = tensor([1], { backend })
    using other = tensor([1], { backend: createReferenceBackend() })
    await expect(readTensors([one, other])).rejects.toThrow(BackendError)
    const gone = tensor([1], { backend })
    gone.dispose()
    await expect(readTensors([one, gone])).rejects.toThrow(LifetimeError)
  })
})
