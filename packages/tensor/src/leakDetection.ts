/**
 * The safety net under explicit lifetimes: a finaliser releases the buffer of a concrete tensor that became
 * unreachable without `dispose`, and in development says where it was allocated. Finalisers run late and not
 * at all at exit, so this is a net and no memory management.
 */
import type { Backend, DeviceBuffer } from './backend.ts'
import { formatType } from './program/program.ts'

interface Watched {
  readonly backend: Backend
  readonly buffer: DeviceBuffer
  readonly allocatedAt: string | undefined
}

let warn: ((message: string) => void) | undefined

/**
 * Turns leak warnings on or off. While on, every allocation records a stack trace, which costs microseconds.
 * @param sink receives the messages; `console.warn` if `true`.
 */
export function warnOfLeaks(sink: boolean | ((message: string) => void)): void {
  warn = sink === true ? (message) => console.warn(message) : sink === false ? undefined : sink
}

const registry = new FinalizationRegistry<Watched>(({ backend, buffer, allocatedAt }) => {
  backend.release(buffer)
  warn?.(`a ${formatType(buffer)} tensor was never disposed of; allocated ${allocatedAt ?? '(unknown)'}`)
})

export function watchForLeak(tensor: object, backend: Backend, buffer: DeviceBuffer): void {
  const allocatedAt = warn === undefined ? undefined : new Error('here').stack
  registry.register(tensor, { backend, buffer, allocatedAt }, tensor)
}

export function unwatch(tensor: object): void {
  registry.unregister(tensor)
}
