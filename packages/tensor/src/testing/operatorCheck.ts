/**
 * Runs one operator case on one backend and compares with the result of plain loops; the tolerance comes from the
 * backend. Needs no test framework, so it runs in a browser's worker as well as under vitest.
 */
import type { Backend } from '../backend.ts'
import { withDefaultBackend } from '../defaultBackend.ts'
import { isFloat } from '../dtype.ts'
import { applyPrimitive } from '../execution.ts'
import type { HostArray } from '../hostArray.ts'
import type { PrimitiveName } from '../program/primitive.ts'
import { Tensor } from '../tensor.ts'
import type { OperatorCase } from './operatorCase.ts'

/** What a result may be off by where float32 has few digits left, or none on devices without subnormal numbers. */
const underflow = ({ flushesSubnormals = false }: Backend): number => (flushesSubnormals ? 2 ** -126 : 1e-44)

/**
 * @param inputs instead of the case's own: the same values in another dtype.
 * @throws {Error} naming the operands and the element that is wrong.
 */
export async function checkOperatorCase<P extends PrimitiveName>(
  backend: Backend,
  primitive: P,
  { expected, parameters, roundings = 8, ...own }: OperatorCase<P>,
  inputs: readonly HostArray[] = own.inputs,
): Promise<void> {
  const tensors = inputs.map((input) => Tensor.concrete(backend, backend.upload(input)))
  const [result] = withDefaultBackend(backend, () => applyPrimitive(primitive, tensors, parameters))
  const found = await result.read()
  for (const tensor of [...tensors, result]) tensor.dispose()
  const where = `${primitive} of ${inputs.map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`).join(', ')} on ${backend.name}`
  if (found.length !== expected.length) {
    throw new Error(`${where}: ${found.length} elements instead of ${expected.length}`)
  }
  const scale = Math.max(1, ...Array.from(expected, Math.abs).filter(Number.isFinite))
  found.forEach((value: number, i: number) => {
    // Storage rounds the expected value to the dtype of the result: 1e4 squared may overflow float32, as it must.
    const wanted = result.dtype === 'float32' ? Math.fround(expected[i]) : expected[i]
    if (Object.is(value, wanted) || value === wanted) return
    // Products are compared on the scale of the whole result, element functions on their own.
    const size = primitive === 'dot' || primitive === 'reduceSum' ? scale : Math.abs(wanted)
    const allowed = isFloat(result.dtype)
      ? roundings * backend.tolerance(result.dtype) * size + underflow(backend)
      : 0
    if (Math.abs(value - wanted) <= allowed) return
    throw new Error(`${where}, element ${i}: ${value} instead of ${wanted} ± ${allowed}`)
  })
}
