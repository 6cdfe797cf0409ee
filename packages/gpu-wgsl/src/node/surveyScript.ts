/**
 * The program of the child process that looks for adapters: JavaScript text, because a child can load neither TypeScript
 * nor a bundle's chunk by name. It prints one JSON object and ends; Dawn and the drivers print to its stderr.
 *
 * Dawn gives one adapter per request. Asked for a name that no adapter has, it rejects and lists the names there are, so
 * each can be asked for in turn; the plain requests after that are for a Dawn that lists nothing.
 */
import type { ExtendedAdapterInfo } from '../device/requestDevice.ts'

/** What the child prints. */
export interface SurveyAnswer {
  /** Why Dawn could not be loaded. */
  readonly failure?: { readonly code: string; readonly message: string }
  readonly adapters: readonly RawAdapter[]
  /** Requests that Dawn rejected, apart from the one that is meant to be. */
  readonly rejections: readonly string[]
}

/** An adapter's getters, read. */
export interface RawAdapter {
  /** The name for Dawn's `adapter=` flag; empty where Dawn did not tell. */
  readonly name: string
  readonly info: ExtendedAdapterInfo
  readonly features: readonly string[]
  readonly limits: Readonly<Record<string, number>>
}

export const surveyScript = `
const { entry, flags } = JSON.parse(process.argv[1])
const answer = { adapters: [], rejections: [] }
const plain = (object) => {
  const result = {}
  for (const key in object) if (typeof object[key] !== 'function') result[key] = object[key]
  return result
}
const record = (name, adapter) => {
  const info = plain(adapter.info)
  info.subgroupMatrixConfigs = [...(info.subgroupMatrixConfigs ?? [])].map(plain)
  const found = { name, info, features: [...adapter.features].sort(), limits: plain(adapter.limits) }
  const key = ({ info, limits }) => JSON.stringify([info, limits])
  if (!answer.adapters.some((known) => key(known) === key(found))) answer.adapters.push(found)
}
try {
  const { create } = await import(entry)
  // Dawn keeps a pointer to what create() returns: none may be collected.
  globalThis.instances = []
  const open = (more) => {
    const gpu = create([...flags, ...more])
    globalThis.instances.push(gpu)
    return gpu
  }
  let names = []
  try {
    await open(['adapter=none such, list them']).requestAdapter()
  } catch (error) {
    names = [...String(error.message).matchAll(/name: '(.*)'$/gm)].map((match) => match[1])
    if (names.length === 0) answer.rejections.push(String(error.message))
  }
  for (const name of names) {
    try {
      const adapter = await open(['adapter=' + name]).requestAdapter()
      if (adapter !== null) record(name, adapter)
    } catch (error) {
      answer.rejections.push(String(error.message))
    }
  }
  if (answer.adapters.length === 0) {
    const gpu = open([])
    for (const options of [{ powerPreference: 'high-performance' }, { powerPreference: 'low-power' }]) {
      try {
        const adapter = await gpu.requestAdapter(options)
        if (adapter !== null) record('', adapter)
      } catch (error) {
        answer.rejections.push(String(error.message))
      }
    }
  }
} catch (error) {
  answer.failure = { code: String(error.code ?? ''), message: String(error.message) }
}
process.stdout.write(JSON.stringify(answer))
`
