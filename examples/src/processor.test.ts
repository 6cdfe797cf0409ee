// Oracles: what Node says of this machine; the sentences promised for others.
import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { describeProcessor, formatProcessor } from './processor.ts'

describe('the processor', () => {
  it('has no more cores than processors, and a thread of the wasm backend for each core', () => {
    const { processors, cores, wasm } = describeProcessor()
    expect(processors).toBe(availableParallelism())
    expect(cores).toBeGreaterThanOrEqual(1)
    expect(cores).toBeLessThanOrEqual(processors)
    expect(wasm).toEqual({ threads: Math.min(cores, 64) })
  })

  it.each([
    [2, 4, { threads: 2 }, 'on 2 threads, one for each core'],
    [1, 2, { threads: 1 }, 'on 1 thread: there is no second core'],
    [8, 8, { threads: 1, reason: 'threads need Node 99' }, 'on 1 thread: threads need Node 99'],
    [96, 192, { threads: 64 }, 'on 64 threads, the most it takes'],
    [2, 2, undefined, 'on nothing: this engine has no WebAssembly with SIMD'],
  ])('of %i cores and %i processors is shown with %j', (cores, processors, wasm, sentence) => {
    const [first, second] = formatProcessor({
      ...{ name: 'Z80', cores, processors },
      ...(wasm === undefined ? {} : { wasm }),
    }).split('\n')
    expect(first).toBe(
      `Processor: Z80, ${cores} physical core${cores === 1 ? '' : 's'}, ${processors} logical processors for this process`,
    )
    expect(second).toBe(`  the wasm backend computes ${sentence}`)
  })
})
