/**
 * A gate between page and worker that the page closes to pause. Where the page is isolated, the gate is a word of shared
 * memory on which the worker's thread sleeps, so a pause takes effect in the middle of conjugate gradients. Elsewhere it
 * is a message, which takes effect after the step under way.
 */
import type { PageMessage } from './messages.ts'

/** Values of the shared word. */
const open = 0
const closed = 1

/** The page's side. */
export interface PauseSwitch {
  /** To be sent with the start; undefined where the page is not isolated. */
  readonly shared: SharedArrayBuffer | undefined
  set(paused: boolean): void
}

/** @param post sends to the worker. */
export function createPauseSwitch(post: (message: PageMessage) => void): PauseSwitch {
  if (!globalThis.crossOriginIsolated) {
    return { shared: undefined, set: (paused) => post({ kind: paused ? 'pause' : 'resume' }) }
  }
  const shared = new SharedArrayBuffer(4)
  const word = new Int32Array(shared)
  return {
    shared,
    set: (paused) => {
      Atomics.store(word, 0, paused ? closed : open)
      Atomics.notify(word, 0)
    },
  }
}

/** The worker's side. */
export interface PauseGate {
  /** Sleeps while the gate is closed, where it is shared; for code that cannot await. */
  holdThread(): void
  /** Waits while the gate is closed. */
  hold(): Promise<void>
  /** What the message says, where the gate is not shared. */
  set(paused: boolean): void
  /** Seconds spent waiting so far. */
  readonly pausedSeconds: number
}

/** @param report is called when the worker stops at the gate and when it goes on. */
export function createPauseGate(
  shared: SharedArrayBuffer | undefined,
  report: (event: 'paused' | 'resumed') => void,
): PauseGate {
  const word = shared === undefined ? undefined : new Int32Array(shared)
  let pausedSeconds = 0
  let isClosed = false
  let reopen = (): void => undefined

  const holdThread = (): void => {
    if (word === undefined || Atomics.load(word, 0) === open) return
    const begun = performance.now()
    report('paused')
    while (Atomics.load(word, 0) === closed) Atomics.wait(word, 0, closed)
    pausedSeconds += (performance.now() - begun) / 1000
    report('resumed')
  }
  return {
    holdThread,
    hold: async () => {
      holdThread()
      if (!isClosed) return
      const begun = performance.now()
      report('paused')
      await new Promise<void>((resolve) => (reopen = resolve))
      pausedSeconds += (performance.now() - begun) / 1000
      report('resumed')
    },
    set: (paused) => {
      isClosed = paused
      if (!paused) reopen()
    },
    get pausedSeconds() {
      return pausedSeconds
    },
  }
}
