/**
 * Packed panels that outlive a run. The operands of a Gauss-Newton product that stay the same over a conjugate
 * gradient run (weights, activations, data) need packing once, not once a product.
 *
 * Panels belong to a buffer: its contents never change while it lives, so nothing has to be compared, and they are
 * freed with it. Heuristic: panels are kept from the second run on that asks for them, because most buffers are
 * operands once. They take a bounded share of the memory, first come, first kept, and are the first to go when it is full.
 */
import type { WasmAllocator } from './wasmAllocator.ts'

/**
 * Heuristic: kept panels take this share of the largest memory at most. Without a bound the chunks of a large batch would
 * fill the memory of the process for what packing costs, a few hundredths of a product. Whoever was there first stays,
 * because chunks take turns: of those that were used longest ago the next one is needed first.
 */
const largestShare = 1 / 4

interface Panels {
  readonly bytes: number
  /** 0 while the panels have no place of their own. */
  address: number
}

/** The panels of one buffer, by what was packed how. */
export type PanelsOfBuffer = Map<string, Panels>

export interface PanelPlace {
  readonly address: number
  /** Whether they must be packed now. */
  readonly stale: boolean
}

/** Panels of all buffers in one memory. */
export class PackedPanels {
  readonly #allocator: WasmAllocator
  readonly #all = new Set<PanelsOfBuffer>()
  #bytes = 0

  constructor(allocator: WasmAllocator) {
    this.#allocator = allocator
  }

  /**
   * Where panels lie. `undefined`: they have no place yet, pack them into scratch memory.
   * Whoever gets stale panels packs them in this run.
   */
  place(panels: PanelsOfBuffer, key: string, bytes: number): PanelPlace | undefined {
    const known = panels.get(key)
    if (known === undefined) {
      panels.set(key, { bytes, address: 0 })
      return undefined
    }
    if (known.address > 0) return { address: known.address, stale: false }
    if (this.#bytes + bytes > largestShare * this.#allocator.maximumBytes) return undefined
    const address = this.#allocator.take(bytes)
    if (address === undefined) return undefined
    known.address = address
    this.#bytes += bytes
    this.#all.add(panels)
    return { address, stale: true }
  }

  /** Frees the panels of a buffer. */
  free(panels: PanelsOfBuffer): void {
    for (const { address, bytes } of panels.values()) {
      if (address === 0) continue
      this.#allocator.give(address, bytes)
      this.#bytes -= bytes
    }
    panels.clear()
    this.#all.delete(panels)
  }

  /** Frees all panels, for a memory that is full. @returns whether there were any. */
  freeAll(): boolean {
    const any = this.#all.size > 0
    for (const panels of this.#all) this.free(panels)
    return any
  }
}
