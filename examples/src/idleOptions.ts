/**
 * Options of `hf train` that would do nothing on the backend that is asked for. They are mistakes, not matters of taste:
 * whoever gives one believes that it does something.
 */
import type { BackendName, BackendOptions } from './choices.ts'

export interface AskedBackend extends BackendOptions {
  readonly backend: BackendName
}

/** The first of them with the reason, as the end of a sentence that begins with `option`; undefined if all have an effect. */
export function findIdleOption({
  backend,
  adapter,
  tune,
  threads,
  deterministic,
}: AskedBackend): string | undefined {
  if (adapter === 'software' && backend !== 'gpu') {
    return "'--adapter software' needs '--backend gpu': nothing else takes a software adapter"
  }
  if (tune === true && backend !== 'gpu' && backend !== 'auto') {
    return `'--tune' cannot be used with '--backend ${backend}': it times products on a GPU`
  }
  if (threads !== undefined && backend !== 'wasm' && backend !== 'auto') {
    return `'--threads' cannot be used with '--backend ${backend}': only the wasm backend divides work among threads`
  }
  if (deterministic === true && backend !== 'wasm') {
    return "'--deterministic' needs '--backend wasm': no other gives the same bits on every machine"
  }
  return undefined
}
