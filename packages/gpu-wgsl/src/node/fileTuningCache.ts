/**
 * Measured choices in one JSON file of the user's cache folder. It is replaced as a whole (written beside and renamed),
 * so a reader never sees half of it; a lock file keeps processes that write at the same time from losing each other's
 * entries. A file that is damaged, or a folder that cannot be written, costs measuring again and a warning, nothing more.
 */
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { cacheFolder } from './cacheFolder.ts'
import type { TuningCache } from '../tuning/tuningCache.ts'
import { memoryTuningCache } from '../tuning/tuningCache.ts'

export interface FileTuningCacheOptions {
  /** Default: `defaultTuningCachePath()`. */
  readonly path?: string
  /** Default: nothing. */
  readonly onWarning?: (message: string) => void
}

/** `tuning.json` in the user's cache folder. */
export const defaultTuningCachePath = (): string => join(cacheFolder(), 'tuning.json')

/** A lock this far from now was left by a process that died; clocks of network folders may run ahead. */
const staleMilliseconds = 5000
const lockPauseMilliseconds = 5

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** Holds `path` + `.lock` while `work` runs. */
async function locked(path: string, work: () => Promise<void>): Promise<void> {
  const lock = `${path}.lock`
  for (;;) {
    try {
      await (await open(lock, 'wx')).close()
      break
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const modified = await stat(lock).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    )
    const isStale = modified !== undefined && Math.abs(Date.now() - modified) > staleMilliseconds
    if (isStale) await rm(lock, { force: true })
    await pause(lockPauseMilliseconds)
  }
  try {
    await work()
  } finally {
    await rm(lock, { force: true })
  }
}

/** The entries of a file's text. @throws {SyntaxError} for text that is not a file of choices. */
function parseEntries(text: string): Map<string, string> {
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new SyntaxError('not an object of choices')
  }
  const entries = Object.entries(parsed).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return new Map(entries)
}

export function fileTuningCache({
  path = defaultTuningCachePath(),
  onWarning = () => undefined,
}: FileTuningCacheOptions = {}): TuningCache {
  const memory = memoryTuningCache()
  /** Writes of this process, one after the other. */
  let writing = Promise.resolve()

  const read = async (): Promise<Map<string, string>> => {
    try {
      return parseEntries(await readFile(path, 'utf8'))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT')
        onWarning(`ignored the file of measured choices ${path}: ${String(error)}`)
      return new Map()
    }
  }
  const write = async (key: string, value: string): Promise<void> => {
    try {
      await mkdir(dirname(path), { recursive: true })
      await locked(path, async () => {
        const entries = (await read()).set(key, value)
        const partial = `${path}.${process.pid}`
        await writeFile(partial, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`)
        await rename(partial, path)
      })
    } catch (error) {
      onWarning(`measured choices are kept in memory only: ${String(error)}`)
    }
  }
  return {
    get: async (key) => (await memory.get(key)) ?? (await read()).get(key),
    async set(key, value) {
      await memory.set(key, value)
      writing = writing.then(() => write(key, value))
      await writing
    },
  }
}
