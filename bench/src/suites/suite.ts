/** A named group of measurements; `run` hands out rows as they are made. */
import type { Backend } from '@hessian-free/tensor'
import type { Row } from '../row.ts'
import type { Peers } from '../peers/peerEngine.ts'

export interface SuiteContext {
  /** Numbers of threads to measure, ascending. */
  readonly threads: readonly number[]
  /** Small sizes and few runs. */
  readonly quick: boolean
  /** One for each number of threads, shared by all suites. */
  backend(threads: number): Backend
}

export interface Suite {
  readonly name: string
  readonly description: string
  run(peers: Peers, emit: (row: Row) => void, context: SuiteContext): Promise<void>
}

/** Counted rounds and warm-up rounds, few of them where only the working is tried. */
export const rounds = ({ quick }: SuiteContext, runs: number, warmUp = 3) =>
  quick ? { runs: 1, warmUp: 0 } : { runs, warmUp }
