/**
 * The address table of a program, laid out while its kernels are emitted: first a word for each buffer, then words for
 * scratch memory and packed panels. A run fills it, and all threads read it.
 *
 * Scratch memory that threads share is used by one kernel after another, so kernels begin at the same place; threads'
 * own scratch memory lies side by side.
 */
import type { BufferIndex } from '../kernel/kernel.ts'
import type { PanelRequest, PanelWords, TableWord } from './stage.ts'
import { aligned } from './wasmAllocator.ts'

/** Words that hold an address in shared scratch memory. */
export interface ScratchWord {
  readonly word: TableWord
  /** Bytes from the start of shared scratch memory. */
  readonly offset: number
}

/** Panels that may be kept from run to run; until they are, they lie in shared scratch memory. */
export interface PanelUse extends PanelWords {
  readonly request: PanelRequest & { readonly buffer: BufferIndex }
  readonly scratchOffset: number
}

export interface AddressTable {
  /** Words in all. */
  readonly length: number
  /** Holds the address of the first thread's own scratch memory; the next thread's is `ownBytes` further. */
  readonly ownWord: TableWord
  readonly ownBytes: number
  readonly sharedBytes: number
  readonly scratchWords: readonly ScratchWord[]
  readonly panelUses: readonly PanelUse[]
  /** Holds 1, for panels that are packed in every run. */
  readonly alwaysWord: TableWord
  /** The words from here on are counters: 0 before a run. */
  readonly firstCounter: number
}

export interface AddressTableBuilder {
  readonly ownWord: TableWord
  readonly wordOf: (buffer: BufferIndex) => TableWord
  /** Shared scratch memory in use so far is free again. */
  beginKernel(): void
  readonly sharedScratch: (bytes: number) => TableWord
  readonly ownScratch: (bytes: number) => void
  readonly panels: (request: PanelRequest) => PanelWords
  /** A counter; after all other words. */
  counter(): TableWord
  finish(): AddressTable
}

/** A table of `buffers` buffers; the panels of those that `mayKeep` names may be kept from run to run. */
export function createAddressTable(
  buffers: number,
  mayKeep: (buffer: BufferIndex) => boolean,
): AddressTableBuilder {
  let length = buffers
  const newWord = (): TableWord => length++ as TableWord
  const ownWord = newWord()
  const alwaysWord = newWord()
  const scratchWords: ScratchWord[] = []
  const panelUses: PanelUse[] = []
  let ownBytes = 0
  let sharedBytes = 0
  let used = 0
  let counters = 0
  const reserve = (bytes: number): number => {
    const offset = used
    used += aligned(bytes)
    sharedBytes = Math.max(sharedBytes, used)
    return offset
  }
  const sharedScratch = (bytes: number): TableWord => {
    const word = newWord()
    scratchWords.push({ word, offset: reserve(bytes) })
    return word
  }
  return {
    ownWord,
    wordOf: (buffer) => buffer as TableWord,
    beginKernel() {
      used = 0
    },
    sharedScratch,
    ownScratch(bytes) {
      ownBytes = Math.max(ownBytes, aligned(bytes))
    },
    panels(request) {
      const { buffer, bytes } = request
      if (buffer === undefined || !mayKeep(buffer)) {
        return { address: sharedScratch(bytes), stale: alwaysWord }
      }
      const words = { address: newWord(), stale: newWord() }
      panelUses.push({ request: { ...request, buffer }, scratchOffset: reserve(bytes), ...words })
      return words
    },
    counter() {
      counters++
      return newWord()
    },
    finish: () => ({
      length,
      firstCounter: length - counters,
      ownWord,
      alwaysWord,
      ownBytes,
      sharedBytes,
      scratchWords,
      panelUses,
    }),
  }
}
