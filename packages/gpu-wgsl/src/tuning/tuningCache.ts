/**
 * Where measured choices are kept: text by text. A key names the adapter, what was chosen, its class of shapes, and the
 * version of the format, so that a choice never outlives what it was measured with.
 */

export interface TuningCache {
  get(key: string): Promise<string | undefined>
  set(key: string, value: string): Promise<void>
}

/** Raised when the families of kernels change so much that earlier choices say nothing any more. */
const formatVersion = 1

export interface TuningSubject {
  /** DeviceCapabilities.adapterName. */
  readonly adapterName: string
  /** What is chosen: `matrixProduct`. */
  readonly operation: string
  readonly shapeClass: string
}

export const tuningKey = ({ adapterName, operation, shapeClass }: TuningSubject): string =>
  [`v${formatVersion}`, operation, adapterName, shapeClass].join(' | ')

/** Kept as long as the process. */
export function memoryTuningCache(): TuningCache {
  const entries = new Map<string, string>()
  return {
    get: async (key) => entries.get(key),
    set: async (key, value) => {
      entries.set(key, value)
    },
  }
}
