/**
 * The allocator against the plain meaning of "allocator": live blocks never overlap, everything comes back.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { controlBlockEnd } from './threads/controlBlock.ts'
import { alignment, WasmAllocator } from './wasmAllocator.ts'

describe('the allocator', () => {
  it('never lets live blocks overlap, and keeps them aligned and within the memory', () => {
    const action = fc.oneof(
      fc.record({ take: fc.integer({ min: 0, max: 50_000 }) }),
      fc.record({ give: fc.nat(1000) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const allocator = new WasmAllocator(1 << 20)
        const live: { address: number; bytes: number }[] = []
        for (const each of actions) {
          if ('take' in each) {
            const address = allocator.take(each.take)
            if (address === undefined) continue
            expect(address % alignment).toBe(0)
            expect(address).toBeGreaterThan(0)
            expect(address + each.take).toBeLessThanOrEqual(allocator.memory.buffer.byteLength)
            for (const { address: other, bytes } of live) {
              expect(address + Math.max(1, each.take) <= other || other + Math.max(1, bytes) <= address).toBe(
                true,
              )
            }
            live.push({ address, bytes: each.take })
          } else if (live.length > 0) {
            const [block] = live.splice(each.give % live.length, 1)
            allocator.give(block.address, block.bytes)
          }
        }
        for (const { address, bytes } of live) allocator.give(address, bytes)
        // All is one block again: the whole memory can be had at once.
        expect(allocator.take((1 << 20) - controlBlockEnd)).toBeDefined()
      }),
      { numRuns: 200 },
    )
  })

  it('reserves no more for a thousand rounds of growing sizes than for the largest one', () => {
    const allocator = new WasmAllocator()
    for (let round = 1; round <= 1000; round++) {
      const blocks = [1, 2, 3].map((factor) => ({ bytes: factor * round * 100, address: 0 }))
      for (const block of blocks) block.address = allocator.take(block.bytes) ?? 0
      for (const { address, bytes } of blocks) allocator.give(address, bytes)
    }
    expect(allocator.statistics().reservedBytes).toBeLessThan(1.3 * 600 * 1000 + 65536)
  })

  it('returns nothing when the memory is full, and works again when something came back', () => {
    const allocator = new WasmAllocator(4 * 65536)
    const first = allocator.take(2 * 65536) ?? 0
    expect(allocator.take(3 * 65536)).toBeUndefined()
    allocator.give(first, 2 * 65536)
    expect(allocator.take(3 * 65536)).toBe(first)
  })
})
