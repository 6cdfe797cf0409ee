// Every primitive on every backend against plain loops; the tolerance comes from the backend.
import { describe, expect, it } from 'vitest'
import type { HostArray } from '../hostArray.ts'
import { hostArray } from '../hostArray.ts'
import type { PrimitiveName } from '../program/primitive.ts'
import { createReferenceBackend } from '../reference/referenceBackend.ts'
import { createWasmBackend } from '../wasm/wasmBackend.ts'
import type { OperatorCase } from './operatorCase.ts'
import { operatorCases } from './operatorCases.ts'
import { checkOperatorCase } from './operatorCheck.ts'

const widened = (x: HostArray): HostArray =>
  x.dtype === 'float32' ? hostArray(Float64Array.from(x.data), x.shape) : x

const backends = [createReferenceBackend(), createReferenceBackend({ optimise: true }), createWasmBackend()]

describe.each(backends.map((backend) => ({ name: backend.name, backend })))('$name', ({ backend }) => {
  const names = Object.keys(operatorCases) as PrimitiveName[]
  it.each(names.filter((name) => operatorCases[name].length > 0))(
    'computes %s as plain loops do',
    async (name) => {
      for (const each of operatorCases[name]) {
        await checkOperatorCase(backend, name, each as OperatorCase<PrimitiveName>)
      }
    },
  )

  it('leaves no buffer behind', () => {
    expect(backend.memory().liveBuffers).toBe(0)
  })
})

it('has cases for every primitive but call, which the passes inline', () => {
  const without = Object.entries(operatorCases).filter(([, cases]) => cases.length === 0)
  expect(without.map(([name]) => name)).toEqual(['call'])
})

it('a wrong result is found', async () => {
  const wrong = { ...operatorCases.add[3], expected: [0, 0, 0, 0] }
  await expect(checkOperatorCase(createReferenceBackend(), 'add', wrong)).rejects.toThrow(/element 0/)
})

describe('reference in float64', () => {
  const backend = createReferenceBackend()
  const names = (Object.keys(operatorCases) as PrimitiveName[]).filter(
    (name) => !['fill', 'iota', 'convert', 'randomBits', 'call'].includes(name),
  )
  it.each(names)('computes %s to double precision', async (name) => {
    for (const each of operatorCases[name]) {
      await checkOperatorCase(backend, name, each as OperatorCase<PrimitiveName>, each.inputs.map(widened))
    }
  })
})
