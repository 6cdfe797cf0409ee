/**
 * jax-js or TensorFlow.js as suites see them: cases are prepared by name, checked against our result, and timed by runners
 * that can be interleaved with ours. Each lives in a process of its own, one for each number of threads.
 *
 * TensorFlow.js starts no threads in Node (its loader wants workers from a URL that Node refuses), so it has one.
 */
import { existsSync } from 'node:fs'
import type { Runner } from '../interleave.ts'
import type { LineProcess } from '../lineProcess.ts'
import { startLineProcess } from '../lineProcess.ts'
import { requireAgreement } from '../numbers.ts'
import type { PeerCase } from './peerCase.ts'
import { sampleOf } from './peerCase.ts'

export type PeerName = 'jax-js' | 'tfjs'

export interface PreparedPeer {
  runner(name: string): Runner
  drop(): Promise<void>
}

export interface PeerEngine {
  readonly name: PeerName
  readonly threads: number
  /** @param ours our result, which the peer's must agree with. @throws {Error} if it does not. */
  prepare(wanted: PeerCase, ours: ArrayLike<number>): Promise<PreparedPeer>
}

/** All peers, started when first wanted. */
export interface Peers {
  /** Whether anything may be installed and started. */
  readonly available: boolean
  /** jax-js on that many threads; undefined without peers. */
  jax(threads: number): PeerEngine | undefined
  /** TensorFlow.js, one thread. */
  tf(): PeerEngine | undefined
  close(): void
}

export const noPeers: Peers = {
  available: false,
  jax: () => undefined,
  tf: () => undefined,
  close: () => undefined,
}

function engineOf(name: PeerName, threads: number, child: LineProcess): PeerEngine {
  return {
    name,
    threads,
    async prepare(wanted, ours) {
      const { prepared, sample } = (await child.ask({ prepare: wanted })) as {
        readonly prepared: number
        readonly sample: readonly number[]
      }
      requireAgreement(`${name}: ${JSON.stringify(wanted)}`, sampleOf(ours), sample)
      return {
        runner: (run) => async () =>
          ((await child.ask({ run: prepared, name: run })) as { readonly milliseconds: number }).milliseconds,
        drop: async () => {
          await child.ask({ drop: prepared })
        },
      }
    },
  }
}

/** @param program the file of this command, which also serves as the peer's process. */
export function startPeers(program: string): Peers {
  if (!existsSync(program)) throw new RangeError(`no program ${program} to start peers with`)
  const started = new Map<string, { readonly engine: PeerEngine; readonly child: LineProcess }>()
  const engine = (name: PeerName, threads: number): PeerEngine => {
    const key = `${name} ${threads}`
    let found = started.get(key)
    if (found === undefined) {
      const child = startLineProcess(process.execPath, [
        ...process.execArgv,
        program,
        'peer-server',
        name,
        String(threads),
      ])
      found = { engine: engineOf(name, threads, child), child }
      started.set(key, found)
    }
    return found.engine
  }
  return {
    available: true,
    jax: (threads) => engine('jax-js', threads),
    tf: () => engine('tfjs', 1),
    close() {
      for (const { child } of started.values()) child.close()
    },
  }
}
