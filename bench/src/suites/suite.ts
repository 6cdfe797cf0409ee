/** A named group of measurements; `run` hands out rows as they are made. */
import type { Row } from '../row.ts'
import type { Jax, Tf } from '../peers/peers.ts'

export interface Peers {
  readonly jax: Jax | undefined
  readonly tf: Tf | undefined
}

export interface Suite {
  readonly name: string
  readonly description: string
  run(peers: Peers, emit: (row: Row) => void): Promise<void>
}
