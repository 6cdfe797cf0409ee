/**
 * Gives the event loop a turn now and then. On a CPU backend awaiting a result only runs microtasks, so a long
 * solve would starve timers, signals (Ctrl-C) and progress bars.
 */

/** A pause that costs nothing until `interval` milliseconds have passed since the last turn. */
export function eventLoopPause(interval = 50): () => Promise<void> {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < interval) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    last = performance.now()
  }
}
