/**
 * Ctrl-C. The first signal asks the run to stop at its next safe point; a later one ends the process at once.
 *
 * A terminal sends SIGINT to every process of a job, and package managers pass the one they get on to their child, so
 * one Ctrl-C may arrive more than once within milliseconds. Signals within half a second of the first count as one.
 */
const repeatMilliseconds = 500

/** The exit code of a process that SIGINT ended, as shells have it. */
const forcedExitCode = 130

/** Shows the cursor and wraps long lines again, which a progress line turns off. */
const restoredTerminal = '\u001b[?25h\u001b[?7h\n'

/** Listens from now on; @param onFirst is called at the first signal. */
export function abortOnInterrupt(onFirst: () => void): AbortController {
  const controller = new AbortController()
  let first = Infinity
  const handle = (): void => {
    if (!controller.signal.aborted) {
      first = performance.now()
      controller.abort()
      onFirst()
    } else if (performance.now() - first > repeatMilliseconds) {
      if (process.stdout.isTTY) process.stdout.write(restoredTerminal)
      process.exit(forcedExitCode)
    }
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
  return controller
}
