/**
 * The other end of `peerEngine.ts`, run in a process of its own: loads one engine, prepares the cases it is asked for and
 * times them. A run is repeated until it is long enough for the clock; the time given is that of one repeat.
 */
import { createInterface } from 'node:readline'
import { offerBrowserWorkers } from './browserWorkers.ts'
import { jaxCase } from './jaxCase.ts'
import type { PeerCase } from './peerCase.ts'
import { loadJax, loadTf } from './peers.ts'
import type { PreparedCase } from './preparedCase.ts'
import { tfCase } from './tfCase.ts'

export type PeerRequest = { readonly prepare: PeerCase } | { readonly drop: number } | PeerRun

export interface PeerRun {
  /** Number of the case, as `prepare` answered. */
  readonly run: number
  readonly name: string
}

const wantedMilliseconds = 3
const mostRepeats = 1 << 12

async function prepareWith(
  engine: string,
  threads: number,
): Promise<(wanted: PeerCase) => Promise<PreparedCase>> {
  if (engine === 'tfjs') {
    const tf = await loadTf()
    if (tf === undefined) throw new Error('TensorFlow.js is not installed')
    return (wanted) => tfCase(tf, wanted)
  }
  if (threads > 1) offerBrowserWorkers(threads)
  const jax = await loadJax()
  if (jax === undefined) throw new Error('jax-js is not installed')
  return (wanted) => jaxCase(jax, wanted)
}

/** Answers requests on standard input until it ends. */
export async function servePeer([engine, threads]: readonly string[]): Promise<void> {
  const cases = new Map<number, PreparedCase>()
  const repeatsOf = new Map<string, number>()
  let last = 0
  const prepare = await prepareWith(engine, Number(threads))

  async function time(run: () => Promise<void>, repeats: number): Promise<number> {
    const start = performance.now()
    for (let i = 0; i < repeats; i++) await run()
    return performance.now() - start
  }

  async function answer(request: PeerRequest): Promise<object> {
    if ('prepare' in request) {
      const prepared = await prepare(request.prepare)
      cases.set(++last, prepared)
      return { prepared: last, sample: prepared.sample }
    }
    if ('drop' in request) {
      cases.delete(request.drop)
      return {}
    }
    const run = cases.get(request.run)?.runs[request.name]
    if (run === undefined) throw new Error(`nothing prepared as ${request.run} ${request.name}`)
    const key = `${request.run} ${request.name}`
    let repeats = repeatsOf.get(key)
    if (repeats === undefined) {
      await run()
      for (repeats = 1; repeats < mostRepeats && (await time(run, repeats)) < wantedMilliseconds;)
        repeats *= 2
      repeatsOf.set(key, repeats)
    }
    return { milliseconds: (await time(run, repeats)) / repeats }
  }

  for await (const line of createInterface({ input: process.stdin })) {
    try {
      console.log(JSON.stringify(await answer(JSON.parse(line) as PeerRequest)))
    } catch (error) {
      console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }))
    }
  }
}
