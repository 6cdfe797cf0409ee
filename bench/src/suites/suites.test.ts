import type { Backend } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { openBackend } from '../ourBackend.ts'
import { noPeers } from '../peers/peerEngine.ts'
import type { Row } from '../row.ts'
import { matrixProduct } from './matrixProduct.ts'
import { memoryBound } from './memoryBound.ts'
import type { Suite } from './suite.ts'
import { suites } from './suites.ts'

async function rowsOf(suite: Suite, threads: readonly number[]): Promise<Row[]> {
  const rows: Row[] = []
  const backends = new Map<number, Backend>()
  const backend = (count: number): Backend => {
    const found = backends.get(count) ?? openBackend(count)
    backends.set(count, found)
    return found
  }
  await suite.run(noPeers, (row) => rows.push(row), { threads, quick: true, backend })
  for (const each of backends.values()) each.dispose()
  return rows
}

describe.each(suites)('the suite $name', (suite) => {
  it('measures each number of threads, without peers', async () => {
    const rows = await rowsOf(suite, [1, 2])
    expect(new Set(rows.map(({ suite: name }) => name))).toEqual(new Set([suite.name]))
    expect(new Set(rows.map(({ threads }) => threads))).toEqual(new Set([1, 2]))
    for (const { milliseconds, peer } of rows) {
      expect(milliseconds).toBeGreaterThan(0)
      expect(peer ?? '').not.toMatch(/jax|tfjs|PyTorch/)
    }
  })
})

it('products state their share of the micro-kernel, and work that memory bounds its share of a copy or of reading', async () => {
  const products = (await rowsOf(matrixProduct, [1])).filter(({ ceiling }) => ceiling !== null)
  expect(products.map((row) => row.case.split(' ')[1])).toEqual(['NN', 'NT', 'TN', 'TT'])
  for (const { ceiling, share, gflops } of products) {
    expect(ceiling?.name).toBe('micro-kernel')
    expect(share).toBeCloseTo(gflops! / ceiling!.rate, 2)
  }
  const memory = await rowsOf(memoryBound, [1])
  expect(new Set(memory.map(({ ceiling }) => ceiling?.name))).toEqual(new Set(['copy', 'read']))
})
