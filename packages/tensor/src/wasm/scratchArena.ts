/**
 * One block of scratch memory that all executables of a backend share: runs follow one another, so each may use
 * all of it. It is as large as the largest executable in use asks for and may move when it grows, so addresses
 * in it are worked out at each run.
 */
import { aligned } from './wasmAllocator.ts'
import type { WasmAllocator } from './wasmAllocator.ts'
import { outOfMemory } from './wasmBuffer.ts'

export interface ScratchArena {
  /** Address of the block, at least `bytes` large. @throws {BackendError} if the memory is full. */
  address(operation: string, bytes: number): number
}

/** An empty arena in the memory of `allocator`. */
export function createScratchArena(allocator: WasmAllocator): ScratchArena {
  let current = { address: 0, bytes: 0 }
  return {
    address(operation, bytes) {
      if (bytes <= current.bytes) return current.address
      if (current.bytes > 0) allocator.give(current.address, current.bytes)
      const size = aligned(bytes)
      const address = allocator.takeOrEvict(size)
      current = address === undefined ? { address: 0, bytes: 0 } : { address, bytes: size }
      allocator.countScratch(current.bytes)
      if (address === undefined) throw outOfMemory(operation, `${bytes} bytes of scratch memory`, allocator)
      return address
    },
  }
}
