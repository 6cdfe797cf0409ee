/**
 * The folder of a run: log.jsonl (a header, one line per step, an end), parameters.safetensors (written atomically) and
 * report.html. Log lines are appended and flushed as they are made, so a crash loses nothing that was reported.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { writeSafetensors } from '@hessian-free/tensor/node'
import { ArgumentError } from '@hessian-free/tensor'
import type { HostArray } from '@hessian-free/tensor'

export interface RunFolder {
  readonly path: string
  readonly reportPath: string
  /** Appends one object to the log and flushes it. */
  log(entry: object): void
  /** Leaves of dense layers in order: layer0.w, layer0.b, … */
  saveParameters(leaves: readonly HostArray[], metadata: Readonly<Record<string, string>>): Promise<void>
  close(): void
}

/**
 * @param onLine also gets every line of the log.
 * @throws {ArgumentError} if the folder exists: runs are never overwritten.
 */
export function createRunFolder(root: string, name: string, onLine?: (line: string) => void): RunFolder {
  const path = join(root, name)
  if (existsSync(path)) {
    throw new ArgumentError({
      operation: 'run folder',
      rule: 'a run is never overwritten',
      found: path,
      remedy: 'Choose another --name, or remove the folder',
    })
  }
  mkdirSync(path, { recursive: true })
  const file = openSync(join(path, 'log.jsonl'), 'a')
  return {
    path,
    reportPath: join(path, 'report.html'),
    log: (entry) => {
      // JSON has no infinities; they appear as text so that a reader sees them.
      const text = JSON.stringify(entry, (_, value: unknown) =>
        typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
      )
      writeSync(file, `${text}\n`)
      fsyncSync(file)
      onLine?.(`${text}\n`)
    },
    saveParameters: async (leaves, metadata) => {
      const named = leaves.map((array, i): [string, HostArray] => [
        `layer${Math.floor(i / 2)}.${i % 2 === 0 ? 'w' : 'b'}`,
        array,
      ])
      await writeSafetensors(join(path, 'parameters.safetensors'), Object.fromEntries(named), metadata)
    },
    close: () => closeSync(file),
  }
}
