import { describe, expect, it } from 'vitest'
import { formatGpuTable, gpuRowOf } from './gpuRow.ts'
import { knownCard } from './knownCards.ts'
import { sampledError } from './sampledError.ts'

const surroundings = { device: 'some card', backend: 'gpu' }
const timing = { milliseconds: 2, least: 1.5, spread: 0.5, runs: 3 }

describe('rows', () => {
  it('give rates and shares of both peaks', () => {
    const parts = { suite: 's', case: 'c', timing, clock: 'wall' as const }
    expect(gpuRowOf({ ...parts, flops: 4e9, peak: 8e12, measured: 4e12 }, surroundings)).toMatchObject({
      gflops: 2000,
      shareOfPeak: 0.25,
      shareOfMeasured: 0.5,
      clock: 'wall',
      device: 'some card',
    })
    const moved = gpuRowOf({ ...parts, bytes: 1e9, peak: 1e12 }, surroundings)
    expect(moved).toMatchObject({ gigabytesPerSecond: 500, shareOfPeak: 0.5, gflops: null })
    expect(moved).not.toHaveProperty('shareOfMeasured')
  })
  it('hold the cost of a dispatch against its target', () => {
    const parts = { suite: 'dispatch', case: 'c', timing, target: 8 }
    const [cheap, dear] = [400, 100].map((dispatches) => gpuRowOf({ ...parts, dispatches }, surroundings))
    expect(cheap.microsecondsPerDispatch).toBe(5)
    expect(formatGpuTable([cheap])).toContain('5 µs per dispatch (least 3.75), ≤ 8 met')
    expect(formatGpuTable([dear])).toContain('20 µs per dispatch (least 15), ≤ 8 MISSED')
  })
  it('say why something was not measured, with no number in its place', () => {
    const row = gpuRowOf({ suite: 's', case: 'c', note: 'skipped: no such unit' }, surroundings)
    expect(row).toMatchObject({ milliseconds: null, gflops: null, runs: 0 })
    expect(formatGpuTable([row])).toMatch(/skipped: no such unit$/)
  })
})

it.each([
  ['nvidia hopper nvidia-h100-80gb-hbm3 NVIDIA: 570.124', 'H100 SXM'],
  ['NVIDIA H100 PCIe', 'H100 PCIe'],
  ['nvidia-h200', 'H200 SXM'],
  ['nvidia-a100-80gb-pcie', 'A100 80 GB PCIe'],
  ['nvidia-a100-sxm4-80gb', 'A100 80 GB SXM'],
  ['tesla-t4', 'T4'],
  ['google swiftshader', undefined],
])('%s is the card %s', (adapter, name) => {
  expect(knownCard(adapter)?.name).toBe(name)
})

describe('the error on a sample', () => {
  const n = 5
  const a = Float32Array.from({ length: n * n }, (_, i) => i + 1)
  const b = Float32Array.from({ length: n * n }, (_, i) => (i % 7) - 3)
  const loops = (left: boolean, right: boolean): number[] => {
    const result: number[] = []
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let k = 0; k < n; k++) {
          sum += (left ? a[k * n + i] : a[i * n + k]) * (right ? b[j * n + k] : b[k * n + j])
        }
        result.push(sum)
      }
    }
    return result
  }
  it('is zero for the product itself, in every form, and finds one wrong element', () => {
    for (const left of [false, true]) {
      for (const right of [false, true]) {
        const exact = loops(left, right)
        const problem = { a, b, n, left, right }
        expect(sampledError(problem, exact)).toBe(0)
        const scale = Math.max(...exact.map(Math.abs))
        for (let wrong = 0; wrong < n * n; wrong++) {
          const found = exact.map((value, i) => (i === wrong ? value + scale / 4 : value))
          expect(sampledError(problem, found)).toBeCloseTo(0.25, 10)
        }
      }
    }
  })
})
