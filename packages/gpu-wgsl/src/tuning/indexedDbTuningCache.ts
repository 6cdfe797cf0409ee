/**
 * Measured choices in a browser's IndexedDB, per origin. A browser that refuses (private windows, full disks) costs
 * measuring again, not the computation: failures are told to `onWarning`, and choices are kept in memory.
 */
import type { TuningCache } from './tuningCache.ts'
import { memoryTuningCache } from './tuningCache.ts'

export interface IndexedDbTuningCacheOptions {
  /** Default: the global `indexedDB`. */
  readonly factory?: IDBFactory
  /** Name of the database; default `hessian-free-tuning`. */
  readonly name?: string
  /** Default: nothing. */
  readonly onWarning?: (message: string) => void
}

const store = 'choices'

/** The result of a request. */
const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result)
    }
    request.onerror = () => {
      reject(request.error ?? new Error('IndexedDB refused'))
    }
  })

export function indexedDbTuningCache({
  factory,
  name = 'hessian-free-tuning',
  onWarning = () => undefined,
}: IndexedDbTuningCacheOptions = {}): TuningCache {
  const memory = memoryTuningCache()
  let opened: Promise<IDBDatabase> | undefined
  const open = async (): Promise<IDBDatabase> => {
    const request = (factory ?? indexedDB).open(name, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(store)
    }
    const database = await settled(request)
    // Another page that wants to upgrade or delete the database shall not have to wait for this one.
    database.onversionchange = () => {
      database.close()
      opened = undefined
    }
    return database
  }
  const objects = async (mode: IDBTransactionMode): Promise<IDBObjectStore> => {
    opened ??= open()
    try {
      return (await opened).transaction(store, mode).objectStore(store)
    } catch (error) {
      opened = undefined
      throw error
    }
  }
  const warn = (error: unknown): void => {
    onWarning(`measured choices are kept in memory only: ${String(error)}`)
  }
  return {
    async get(key) {
      try {
        const value: unknown = await settled((await objects('readonly')).get(key))
        if (typeof value === 'string') return value
      } catch (error) {
        warn(error)
      }
      return memory.get(key)
    },
    async set(key, value) {
      await memory.set(key, value)
      try {
        await settled((await objects('readwrite')).put(value, key))
      } catch (error) {
        warn(error)
      }
    },
  }
}
