import { expect, it } from 'vitest'
import { markdownTables } from './markdownTable.ts'
import { rowOf } from './row.ts'

const timing = { milliseconds: 2.3456, least: 1.2345, spread: 0.5, runs: 3 }
const peer = { name: 'p', timing: { ...timing, milliseconds: 4.6912 }, threads: 1 }

it('prints one table for each suite, with what a saved row says', () => {
  const rows = [
    rowOf({ suite: 'a', case: 'x', timing, threads: 2, peer, atMost: 1.25 }),
    rowOf({
      suite: 'b',
      case: 'y',
      timing,
      bytes: 2.3456e6,
      ceiling: { name: 'copy', rate: 2, bestRate: 4 },
      aimedShare: 0.85,
    }),
  ]
  const text = markdownTables([...rows.map((row) => JSON.stringify(row)), ''])
  expect(text.match(/^### .*$/gm)).toEqual(['### a', '### b'])
  expect(text).toContain('| x | 2 | 2.35 ms (1.23) |  |  | p, 1 thread 4.69 ms | 2× | ≥ 0.8× |')
  expect(text).toContain('| y | 1 | 2.35 ms (1.23) | 1 GB/s | 50 % (48 %) of copy 2 |  |  | ≥ 85 % |')
})
