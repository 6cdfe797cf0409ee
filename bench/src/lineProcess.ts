/**
 * A peer in a process of its own, spoken to line by line: one JSON object in on its standard input, one JSON object out on
 * its standard output. It keeps what it prepared, times itself, and cannot disturb this process's memory or threads.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface LineProcess {
  /** @throws {Error} with the peer's own message if it could not answer, or with its last words if it ended. */
  ask(request: object): Promise<unknown>
  close(): void
}

/** @param environment added to this process's own. */
export function startLineProcess(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): LineProcess {
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let lastWords = ''
  child.stderr.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-2000)
  })
  let waiting: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined
  let ended: Error | undefined
  const end = (error: Error): void => {
    ended ??= error
    waiting?.reject(ended)
    waiting = undefined
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Anything else on its output is chatter of the engine.
    if (!line.startsWith('{')) return
    waiting?.resolve(line)
    waiting = undefined
  })
  child.on('error', end)
  child.stdin.on('error', end)
  child.on('close', (code) => {
    end(new Error(`${command} ended with ${code ?? 'a signal'}: ${lastWords.trim()}`))
  })
  return {
    async ask(request) {
      if (ended !== undefined) throw ended
      const line = new Promise<string>((resolve, reject) => {
        waiting = { resolve, reject }
      })
      child.stdin.write(`${JSON.stringify(request)}\n`)
      const answer = JSON.parse(await line) as { readonly error?: string }
      if (answer.error !== undefined) throw new Error(answer.error)
      return answer
    },
    close() {
      child.kill()
    },
  }
}
