// Oracles: the grid as printed in Martens' code comments; his log of chosen iterates.
import { existsSync, readFileSync } from 'node:fs'
import { ArgumentError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { iterateGrid } from './iterateGrid.ts'

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)
const log = new URL('../../../../shared/fixtures/martens_hfdemo_curves_log.json', import.meta.url)

interface LogRow {
  readonly cgSteps: number
  readonly cgTotal: number
  readonly chosenIter: number
}

describe.skipIf(!existsSync(log))("Martens' log (skipped where ../shared/fixtures is absent)", () => {
  const { rows } = existsSync(log)
    ? (JSON.parse(readFileSync(log, 'utf8')) as { rows: readonly LogRow[] })
    : { rows: [] }

  it('holds the chosen iterate, or it is the last one, in 300 of 300 updates', () => {
    const grid = iterateGrid()
    const held = rows.filter(({ chosenIter, cgSteps }) => chosenIter === cgSteps || grid.keeps(chosenIter))
    expect(held).toHaveLength(300)
  })

  it('has a running total of iterations that ends at 60221', () => {
    let total = 0
    for (const { cgSteps, cgTotal } of rows) expect((total += cgSteps)).toBe(cgTotal)
    expect(total).toBe(60_221)
  })
})

describe('iterateGrid', () => {
  it('is 5, 7, 9, 11, 15, … up to 250 iterations', () => {
    const grid = iterateGrid()
    const points = [5, 7, 9, 11, 15, 19, 25, 32, 41, 54, 69, 90, 117, 152, 197]
    expect(upTo(250).filter((iteration) => grid.keeps(iteration))).toEqual(points)
  })

  it('starts where it is told', () => {
    const grid = iterateGrid({ start: 1, ratio: 2 })
    expect(upTo(20).filter((iteration) => grid.keeps(iteration))).toEqual([1, 2, 4, 8, 16])
  })

  it('refuses a grid that does not grow', () => {
    expect(() => iterateGrid({ ratio: 1 })).toThrow(ArgumentError)
  })
})
