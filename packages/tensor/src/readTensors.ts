/**
 * Several tensors to the host in one wait. On a device a read costs its latency, not its bytes: n scalars read one
 * after the other cost n round trips, read together they cost one.
 */
import type { TypedArray } from './dtype.ts'
import { backendOf } from './execution.ts'
import type { Tensor } from './tensor.ts'

/**
 * The elements of each tensor at the time of the call; the tensors may be disposed of right after it.
 * @throws {LifetimeError} for a tensor that is traced or disposed of. @throws {BackendError} unless all are on one
 * backend.
 */
export async function readTensors(tensors: readonly Tensor[]): Promise<TypedArray[]> {
  if (tensors.length === 0) return []
  const backend = backendOf('readTensors', tensors)
  const buffers = tensors.map((tensor) => tensor.buffer)
  const contents =
    backend.readTogether === undefined || buffers.length === 1
      ? Promise.all(buffers.map((buffer) => backend.read(buffer)))
      : backend.readTogether(buffers)
  return [...(await contents)]
}
