/**
 * A stand-in for a device, for tests: a CPU backend that cannot be read without waiting. Contents are taken at the time
 * of the call and arrive a turn of the event loop later; waits are counted. It can be lost: after a number of operations
 * everything fails, as on a GPU whose driver was reset.
 */
import { DeviceLostError } from '@hessian-free/tensor'
import type { Backend, DeviceBuffer, TypedArray } from '@hessian-free/tensor'

export interface LateBackend extends Backend {
  /** Reads since the start, several buffers read together counting as one. */
  readonly waits: number
  /** Uploads, compilations, runs and reads since the start. */
  readonly operations: number
  /** Lets this many more operations through; those after them find the device lost. */
  loseAfter(operations: number): void
}

export function lateBackend(inner: Backend): LateBackend {
  let waits = 0
  let operations = 0
  let lostAfter = Infinity
  const operate = (operation: string): void => {
    if (operations >= lostAfter) throw new DeviceLostError({ operation, rule: 'the device was lost' })
    operations++
  }
  const readTogether = async (buffers: readonly DeviceBuffer[]): Promise<TypedArray[]> => {
    operate('read')
    waits++
    const contents = await Promise.all(buffers.map((buffer) => inner.read(buffer)))
    await new Promise((resolve) => setTimeout(resolve, 0))
    if (operations >= lostAfter) throw new DeviceLostError({ operation: 'read', rule: 'the device was lost' })
    return contents
  }
  return {
    name: `late ${inner.name}`,
    supports: (dtype) => inner.supports(dtype),
    tolerance: (dtype) => inner.tolerance(dtype),
    upload: (array) => {
      operate('upload')
      return inner.upload(array)
    },
    read: async (buffer) => (await readTogether([buffer]))[0],
    readTogether,
    release: (buffer) => inner.release(buffer),
    compile: (program, options) => {
      operate('compile')
      const executable = inner.compile(program, options)
      return {
        ...executable,
        run: (inputs) => {
          operate('run')
          return executable.run(inputs)
        },
      }
    },
    synchronize: async () => {
      waits++
      await inner.synchronize()
    },
    memory: () => inner.memory(),
    dispose: () => inner.dispose(),
    get waits() {
      return waits
    },
    get operations() {
      return operations
    },
    loseAfter: (count) => {
      lostAfter = operations + count
    },
  }
}
