/**
 * Scratch memory that the executables of a backend share: work is done in order, so no two of them use it at once.
 * Each asks for some buffers when it is compiled; the ones there are, each once, serve it where they are large enough,
 * and are freed with the last executable that uses them. A buffer that turned out to have no memory serves nobody else.
 */
import type { Allocation, BufferPool } from './bufferPool.ts'

interface SharedScratch {
  readonly allocation: Allocation
  users: number
}

export class ScratchPools {
  readonly #pool: BufferPool
  #shared: SharedScratch[] = []

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  get bytes(): number {
    return this.#shared.reduce((sum, { allocation }) => sum + allocation.bytes, 0)
  }

  /** Distinct buffers of at least the given sizes, in order; `release` gives them back. */
  acquire(operation: string, sizes: readonly number[]): Allocation[] {
    const taken = new Set<SharedScratch>()
    const chosen: Allocation[] = []
    const largestFirst = sizes.map((_, i) => i).sort((a, b) => sizes[b] - sizes[a])
    for (const position of largestFirst) {
      const fitting = this.#shared
        .filter(
          (scratch) =>
            !taken.has(scratch) &&
            scratch.allocation.bytes >= sizes[position] &&
            this.#pool.isSound(scratch.allocation),
        )
        .sort((a, b) => a.allocation.bytes - b.allocation.bytes)[0]
      const scratch = fitting ?? this.#add(operation, sizes[position])
      taken.add(scratch)
      chosen[position] = scratch.allocation
    }
    for (const scratch of taken) scratch.users++
    return chosen
  }

  release(allocations: readonly Allocation[]): void {
    for (const scratch of this.#shared) if (allocations.includes(scratch.allocation)) scratch.users--
    for (const { allocation, users } of this.#shared) if (users === 0) this.#pool.release(allocation)
    this.#shared = this.#shared.filter(({ users }) => users > 0)
  }

  #add(operation: string, bytes: number): SharedScratch {
    const scratch = { allocation: this.#pool.allocate(`${operation}, scratch`, bytes), users: 0 }
    this.#shared.push(scratch)
    return scratch
  }
}
