// Every primitive on every backend against plain loops; the tolerance comes from the backend.
import { describe, expect, it } from 'vitest'
import type { Backend } from '../backend.ts'
import { isFloat } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import { hostArray } from '../hostArray.ts'
import { applyPrimitive } from '../execution.ts'
import type { PrimitiveName } from '../program/primitive.ts'
import { createReferenceBackend } from '../reference/referenceBackend.ts'
import { Tensor } from '../tensor.ts'
import { createWasmBackend } from '../wasm/wasmBackend.ts'
import { withDefaultBackend } from '../defaultBackend.ts'
import type { OperatorCase } from './operatorCase.ts'
import { operatorCases } from './operatorCases.ts'

const widened = (x: HostArray): HostArray =>
  x.dtype === 'float32' ? hostArray(Float64Array.from(x.data), x.shape) : x

function runCase<P extends PrimitiveName>(
  backend: Backend,
  primitive: P,
  each: OperatorCase<P>,
  inputs: readonly HostArray[],
): void {
  withDefaultBackend(backend, () => {
    const tensors = inputs.map((input) => Tensor.concrete(backend, backend.upload(input)))
    const [result] = applyPrimitive(primitive, tensors, each.parameters)
    const found = result.readSync()
    const scale = Math.max(1, ...Array.from(each.expected, Math.abs).filter(Number.isFinite))
    const where = `${primitive} of ${inputs.map((input) => `${input.dtype}[${input.shape.join(',')}]`).join(', ')}`
    expect(found.length, where).toBe(each.expected.length)
    found.forEach((value: number, i: number) => {
      // Storage rounds the expected value to the dtype of the result: 1e4 squared may overflow float32, as it must.
      const wanted = result.dtype === 'float32' ? Math.fround(each.expected[i]) : each.expected[i]
      const sameSpecial = Object.is(value, wanted) || value === wanted
      // Products are compared on the scale of the whole result, element functions on their own.
      const size = primitive === 'dot' || primitive === 'reduceSum' ? scale : Math.abs(wanted)
      const error = Math.abs(value - wanted)
      const allowed = isFloat(result.dtype)
        ? (each.roundings ?? 8) * backend.tolerance(result.dtype) * size + 1e-44
        : 0
      expect(sameSpecial || error <= allowed, `${where}, element ${i}: ${value} instead of ${wanted}`).toBe(
        true,
      )
    })
    for (const tensor of [...tensors, result]) tensor.dispose()
  })
}

const backends = [createReferenceBackend(), createReferenceBackend({ optimise: true }), createWasmBackend()]

describe.each(backends.map((backend) => ({ name: backend.name, backend })))('$name', ({ backend }) => {
  const names = Object.keys(operatorCases) as PrimitiveName[]
  it.each(names.filter((name) => operatorCases[name].length > 0))('computes %s as plain loops do', (name) => {
    for (const each of operatorCases[name])
      runCase(backend, name, each as OperatorCase<PrimitiveName>, each.inputs)
  })

  it('leaves no buffer behind', () => {
    expect(backend.memory().liveBuffers).toBe(0)
  })
})

it('has cases for every primitive but call, which the passes inline', () => {
  const without = Object.entries(operatorCases).filter(([, cases]) => cases.length === 0)
  expect(without.map(([name]) => name)).toEqual(['call'])
})

describe('reference in float64', () => {
  const backend = createReferenceBackend()
  const names = (Object.keys(operatorCases) as PrimitiveName[]).filter(
    (name) => !['fill', 'iota', 'convert', 'randomBits', 'call'].includes(name),
  )
  it.each(names)('computes %s to double precision', (name) => {
    for (const each of operatorCases[name]) {
      runCase(backend, name, each as OperatorCase<PrimitiveName>, each.inputs.map(widened))
    }
  })
})
