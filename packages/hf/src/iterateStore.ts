/**
 * The iterates a conjugate gradient run keeps: those of a grid, and the last. Tensors are taken over, not copied:
 * x is written to fresh memory in every iteration, so keeping an iterate is not freeing it.
 */
import type { Tensor } from '@hessian-free/tensor'
import type { IterateSelection } from './iterateGrid.ts'

export interface StoredIterate {
  /** Counted from 1; 0 is the start. */
  readonly iteration: number
  /** φ at the iterate. */
  readonly phi: number
  /** ‖x‖: with it φ − ½λ‖x‖² is the model without damping. */
  readonly norm: number
  readonly iterate: Tensor
}

export class IterateStore {
  readonly #selection: IterateSelection
  readonly #kept: StoredIterate[] = []
  #last: StoredIterate | undefined

  constructor(selection: IterateSelection) {
    this.#selection = selection
  }

  /** Takes the next iterate over and frees the one before unless it is kept. */
  accept(next: StoredIterate): void {
    if (this.#last !== undefined && this.#last !== this.#kept.at(-1)) this.#last.iterate.dispose()
    this.#last = next
    if (next.iteration > 0 && this.#selection.keeps(next.iteration)) this.#kept.push(next)
  }

  /** Hands the kept iterates out, the last one among them once. */
  finish(): readonly StoredIterate[] {
    const last = this.#last
    if (last === undefined || last === this.#kept.at(-1)) return [...this.#kept]
    return [...this.#kept, last]
  }

  dispose(): void {
    for (const { iterate } of this.finish()) iterate.dispose()
  }
}
