/**
 * Storage in one growing WebAssembly memory: best fit over a list of free blocks that is kept in order of
 * address, so that neighbours are joined again.
 *
 * Joining was chosen over free lists by size class because Hessian-free training grows its batches: blocks of
 * sizes that never come back must not stay reserved. The list is short (hundreds of tensors live at once), so a
 * scan costs less than what is computed on the smallest of them.
 */
import type { MemoryStatistics } from '../backend.ts'
import { BackendError } from '../errors.ts'
import { PackedPanels } from './packedPanels.ts'
import { controlBlockEnd } from './threads/controlBlock.ts'

/** Cache lines: vectors never straddle one needlessly, and neighbouring tensors never share one. */
export const alignment = 64

const pageBytes = 65536
/** The largest memory that 32-bit addresses reach, less a page so that sizes fit in 32 bits too. */
export const largestMemoryBytes = 65535 * pageBytes

/** Growth is at least this share of what is there, so that the number of growths is logarithmic. */
const growthShare = 1 / 8

interface FreeBlock {
  address: number
  bytes: number
}

/** The size of the block that so many bytes take. */
export const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

/** Blocks in a memory; every size is rounded up to the alignment. */
export class WasmAllocator {
  readonly memory: WebAssembly.Memory
  readonly maximumPages: number
  /** Whether threads may share the memory. */
  readonly shared: boolean
  /** Panels in this memory that outlive a run. */
  readonly panels = new PackedPanels(this)
  readonly #free: FreeBlock[] = []
  /** Everything from here on has never been handed out. */
  #top = controlBlockEnd
  #liveBuffers = 0
  #liveBytes = 0
  #peakBytes = 0
  #scratchBytes = 0

  /**
   * @param maximumBytes the memory never grows beyond this.
   * @param shared makes a memory that threads may share.
   * @throws {BackendError} if the engine cannot reserve the addresses.
   */
  constructor(maximumBytes: number = largestMemoryBytes, shared = false) {
    this.shared = shared
    this.maximumPages = Math.max(1, Math.floor(Math.min(maximumBytes, largestMemoryBytes) / pageBytes))
    try {
      this.memory = new WebAssembly.Memory({ initial: 1, maximum: this.maximumPages, shared })
    } catch (cause) {
      throw new BackendError({
        operation: 'createWasmBackend',
        rule: 'the system must have address space for the memory',
        found: `${this.maximumBytes} bytes at most`,
        remedy: 'Give a smaller maximumBytes, or dispose of other backends',
        cause,
      })
    }
  }

  /** What the memory may grow to. */
  get maximumBytes(): number {
    return this.maximumPages * pageBytes
  }

  /** Address of a block of at least that many bytes, or `undefined` if the memory is full. */
  take(bytes: number): number | undefined {
    const size = aligned(Math.max(bytes, 1))
    let best: FreeBlock | undefined
    for (const block of this.#free) {
      if (block.bytes >= size && (best === undefined || block.bytes < best.bytes)) best = block
    }
    if (best !== undefined) {
      const { address } = best
      best.address += size
      best.bytes -= size
      if (best.bytes === 0) this.#free.splice(this.#free.indexOf(best), 1)
      return address
    }
    return this.#extend(size)
  }

  /** `take`, at the price of packed panels where the memory is full without. */
  takeOrEvict(bytes: number): number | undefined {
    const address = this.take(bytes)
    return address === undefined && this.panels.freeAll() ? this.take(bytes) : address
  }

  /** Gives back a block of `take(bytes)`. */
  give(address: number, bytes: number): void {
    let size = aligned(Math.max(bytes, 1))
    let position = this.#free.findIndex((block) => block.address > address)
    if (position < 0) position = this.#free.length
    const before = this.#free.at(position - 1)
    const after = this.#free.at(position)
    let start = address
    let replaced = 0
    let first = position
    if (position > 0 && before !== undefined && before.address + before.bytes === address) {
      start = before.address
      size += before.bytes
      first--
      replaced++
    }
    if (position < this.#free.length && after !== undefined && start + size === after.address) {
      size += after.bytes
      replaced++
    }
    if (start + size === this.#top) {
      this.#top = start
      this.#free.splice(first, replaced)
    } else this.#free.splice(first, replaced, { address: start, bytes: size })
  }

  /** Counts a tensor's storage as live. */
  countLive(bytes: number): void {
    this.#liveBuffers++
    this.#liveBytes += bytes
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes)
  }

  /** Counts it as released. */
  countReleased(bytes: number): void {
    this.#liveBuffers--
    this.#liveBytes -= bytes
  }

  /** Says how much of the memory is scratch. */
  countScratch(bytes: number): void {
    this.#scratchBytes = bytes
  }

  statistics(): MemoryStatistics {
    return {
      liveBuffers: this.#liveBuffers,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      scratchBytes: this.#scratchBytes,
      reservedBytes: this.memory.buffer.byteLength,
    }
  }

  /** Takes from the end of the memory, growing it. No free block touches the end: `give` lowers it instead. */
  #extend(size: number): number | undefined {
    const address = this.#top
    const end = address + size
    const held = this.memory.buffer.byteLength
    if (end > held && !this.#grow(end - held, held)) return undefined
    this.#top = end
    return address
  }

  #grow(needed: number, held: number): boolean {
    const room = this.maximumPages - held / pageBytes
    const least = Math.ceil(needed / pageBytes)
    if (least > room) return false
    const wanted = Math.min(room, Math.max(least, Math.ceil((held * growthShare) / pageBytes)))
    for (const pages of wanted > least ? [wanted, least] : [least]) {
      try {
        this.memory.grow(pages)
        return true
      } catch {
        // The system has less than the engine's limit: a smaller growth may still succeed.
      }
    }
    return false
  }
}
