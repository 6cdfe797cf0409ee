/**
 * Which results are not to be believed. WebGPU reports errors late: a buffer that found no memory, a shader that does
 * not compile, a dispatch that is refused leave zeros behind, and the reason arrives when the host next listens.
 *
 * Everything the host enqueues gets a serial number, and contents remember the serial that wrote them. A failure of
 * operation s that becomes known at t makes everything written in [s, t] suspect: reading it, or computing with it,
 * raises the failure instead of passing zeros on. What was written before s or after t is sound.
 */
import type { BackendError } from '@hessian-free/tensor'

interface Failure {
  readonly from: number
  readonly until: number
  readonly error: BackendError
  /** Which operation failed is known, not guessed; a guess is often only the consequence of such a failure. */
  readonly certain: boolean
}

export class FailureLedger {
  #serial = 0
  readonly #failures: Failure[] = []
  /** Failures that no caller has seen yet. */
  readonly #unseen = new Set<BackendError>()

  /** The serial of the newest operation. */
  get serial(): number {
    return this.#serial
  }

  /** The serial of the next operation, which is now under way. */
  begin(): number {
    return ++this.#serial
  }

  /**
   * Records that operation `from` failed; everything up to now is suspect.
   * @param certain false where `from` is only the earliest operation that may have failed.
   */
  record(from: number, error: BackendError, certain = true): void {
    this.#failures.push({ from, until: this.#serial, error, certain })
    this.#failures.sort((a, b) => Number(b.certain) - Number(a.certain) || a.from - b.from)
    this.#unseen.add(error)
  }

  /** @throws {BackendError} the failure, where contents written at `serial` are suspect. */
  requireSound(serial: number): void {
    if (this.#failures.length === 0) return
    const failure = this.#failures.find(({ from, until }) => from <= serial && serial <= until)
    if (failure === undefined) return
    this.#unseen.delete(failure.error)
    throw failure.error
  }

  /** @throws {BackendError} the first failure that nobody has been told of. */
  reportUnseen(): void {
    const failure = this.#failures.find(({ error }) => this.#unseen.has(error))
    if (failure === undefined) return
    this.#unseen.delete(failure.error)
    throw failure.error
  }
}
