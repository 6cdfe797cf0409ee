/**
 * The hf command in a process of its own, as its users meet it: what it prints and the code that it ends with.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Variables on top of this process's environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** Called with everything printed so far, whenever there is more. */
  readonly whenPrinting?: (stdout: string, child: ChildProcess) => void
}

/** @param tool the bundle, from `bundleApplication('hf')`. Resolves when the process has ended by itself. */
export function runHf(
  tool: string,
  commandLine: readonly string[],
  { environment = {}, whenPrinting }: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [tool, ...commandLine], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      whenPrinting?.(stdout, child)
    })
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
