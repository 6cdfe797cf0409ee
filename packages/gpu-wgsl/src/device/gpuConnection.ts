/**
 * One `GPUDevice` with what WebGPU leaves to its users: knowing that it is lost, and to which operation an error
 * belongs that arrives later. Errors become `BackendError`s in the ledger; a lost device becomes `DeviceLostError`.
 */
import { BackendError, DeviceLostError } from '@hessian-free/tensor'
import type { DeviceCapabilities } from './deviceCapabilities.ts'
import { FailureLedger } from './failureLedger.ts'
import type { RequestedDevice } from './requestDevice.ts'

/** Makes the error of an operation from what WebGPU said. */
export type Describe = (message: string) => BackendError

/** How long a loss may be told after its first consequence. */
const lossMilliseconds = 500
const delay = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

export class GpuConnection {
  readonly device: GPUDevice
  readonly capabilities: DeviceCapabilities
  readonly ledger = new FailureLedger()
  readonly #pending = new Set<Promise<void>>()
  /** Newest serial whose errors, if any, have certainly arrived. */
  #settled = 0
  #lost: string | undefined
  /** Told of a loss. One reaction on `device.lost` serves all: a promise keeps every reaction until it settles. */
  readonly #waiting = new Set<() => void>()
  #disposed = false

  constructor({ device, capabilities }: RequestedDevice) {
    this.device = device
    this.capabilities = capabilities
    void device.lost.then(({ reason, message }) => {
      this.#lost = `${reason === 'destroyed' ? 'destroyed' : 'unknown reason'}: ${message}`
      for (const tell of this.#waiting) tell()
    })
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault()
      const { message } = event.error
      this.ledger.record(
        this.#settled + 1,
        new BackendError({
          operation: 'gpu',
          rule: 'the device must accept what it is given',
          found: message,
        }),
        false,
      )
    })
  }

  /** @throws {DeviceLostError} where the device is gone. @throws {BackendError} after `dispose`. */
  requireUsable(operation: string): void {
    if (this.#disposed) {
      throw new BackendError({ operation, rule: 'the gpu backend must not have been disposed of' })
    }
    if (this.#lost !== undefined) throw this.lostError(operation)
  }

  lostError(operation: string): DeviceLostError {
    return new DeviceLostError({
      operation,
      rule: 'the device must not be lost',
      found: `${this.capabilities.adapterName}, ${this.#lost ?? 'no reason given'}`,
      remedy: 'Make a new backend and upload the data again; everything in the memory of this one is gone',
    })
  }

  /** Does `body`, and tells later whether it met an error of the given kind. */
  attempt<T>(
    filter: GPUErrorFilter,
    body: () => T,
  ): { readonly result: T; readonly error: Promise<string | undefined> } {
    const close = (): Promise<string | undefined> =>
      this.device.popErrorScope().then(
        (found) => found?.message,
        // A lost device: whoever waits next is told.
        () => undefined,
      )
    this.device.pushErrorScope(filter)
    let result: T
    try {
      result = body()
    } catch (cause) {
      // A scope left open would take the errors of everything that follows.
      void close()
      throw cause
    }
    return { result, error: close() }
  }

  /** Does `body`; an error of the given kind in it is recorded under the newest serial when it becomes known. */
  guarded<T>(filter: GPUErrorFilter, describe: Describe, body: () => T, onError?: () => void): T {
    const { serial } = this.ledger
    const { result, error } = this.attempt(filter, body)
    const check = error.then((message) => {
      this.#pending.delete(check)
      if (message === undefined) return
      onError?.()
      this.ledger.record(serial, describe(message))
    })
    this.#pending.add(check)
    return result
  }

  /**
   * Waits for something of the device's, and for the errors of everything that was enqueued before.
   * @throws {DeviceLostError} where the device was lost meanwhile.
   */
  async wait(operation: string, enqueued: Promise<unknown>): Promise<void> {
    const { serial } = this.ledger
    try {
      await this.#unlessLost(enqueued)
    } catch (cause) {
      // A promise of a lost device may reject before the loss is told.
      await this.#unlessLost(delay(lossMilliseconds))
      this.requireUsable(operation)
      await this.#unlessLost(Promise.all(this.#pending))
      this.requireUsable(operation)
      this.ledger.reportUnseen()
      if (cause instanceof BackendError) throw cause
      throw new BackendError({
        operation,
        rule: 'the device must finish its work',
        found: cause instanceof Error ? cause.message : String(cause),
        cause,
      })
    }
    this.requireUsable(operation)
    await this.#unlessLost(Promise.all(this.#pending))
    this.requireUsable(operation)
    this.#settled = Math.max(this.#settled, serial)
  }

  /** Settles as `work` does, or with the loss of the device: not every implementation settles what that had under way. */
  #unlessLost(work: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiting.delete(done)
        resolve()
      }
      if (this.#lost === undefined) this.#waiting.add(done)
      else resolve()
      work.then(done, (cause: unknown) => {
        this.#waiting.delete(done)
        reject(cause instanceof Error ? cause : new Error(String(cause)))
      })
    })
  }

  dispose(): void {
    this.#disposed = true
    this.device.destroy()
  }
}
